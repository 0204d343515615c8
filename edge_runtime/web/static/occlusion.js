"use strict";
// Occlusion map: asks for it, then asks how far it is until it is done.
(() => {
  const place = document.getElementById("occlusion");
  const id = place.dataset.sighting;
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const stage = () => place.querySelector(".occlusion")?.dataset.stage;
  const pending = () => ["waiting", "running"].includes(stage());
  let following = false;
  let last = null; // what the server sent last

  function offer() {
    const button = document.getElementById("make-map");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", ask, { once: true });
  }

  function complain(text) {
    const line = document.createElement("p");
    line.className = "notice bad";
    line.setAttribute("role", "alert");
    line.textContent = text;
    place.querySelector("[role=alert]")?.remove();
    place.prepend(line);
    offer();
  }

  async function ask() {
    try {
      const answer = await fetch(`/api/sightings/${id}/occlusion`, { method: "POST" });
      if (!answer.ok) {
        const said = await answer.json().catch(() => ({}));
        complain(`No map: ${said.detail || `status ${answer.status}`}.`);
        return;
      }
    } catch {
      complain("No connection to the telescope; try again.");
      return;
    }
    last = null;
    place.focus({ preventScroll: true }); // the button goes away
    await follow();
  }

  async function follow() {
    if (following) return;
    following = true;
    let wait = 250;
    do {
      try {
        const answer = await fetch(`/fragments/occlusion/${id}`, { cache: "no-store" });
        if (answer.ok) {
          const text = await answer.text();
          if (text !== last) place.innerHTML = text;
          last = text;
        }
      } catch { /* the telescope may be back at the next try */ }
      if (!pending()) break;
      await pause(wait);
      wait = Math.min(2000, wait * 1.3);
    } while (true);
    following = false;
    offer();
  }

  offer();
  if (pending()) follow();
})();
