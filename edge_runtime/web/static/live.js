"use strict";
// Live view: asks for the next frame as soon as the last one is shown. The
// server holds the answer until there is one, so a slow camera costs nothing.
(() => {
  const picture = document.getElementById("live");
  const empty = document.getElementById("live-empty");
  const captionText = document.getElementById("live-caption");
  const state = document.getElementById("live-state");
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const visible = () => new Promise((done) => {
    if (!document.hidden) { done(); return; }
    document.addEventListener("visibilitychange", function wait() {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", wait);
      done();
    });
  });
  const say = (text) => { if (state.textContent !== text) state.textContent = text; };

  async function show(blob, number, caption) {
    const old = picture.src;
    const address = URL.createObjectURL(blob);
    picture.src = address;
    try { await picture.decode(); } catch { /* replaced or broken: the next one comes */ }
    if (old.startsWith("blob:")) URL.revokeObjectURL(old);
    picture.dataset.number = number;
    picture.alt = caption;
    captionText.textContent = caption;
    picture.hidden = false;
    empty.hidden = true;
  }

  async function followFrames() {
    let after = 0;
    for (;;) {
      await visible();
      try {
        const answer = await fetch(`/frame.jpg?after=${after}`, { cache: "no-store" });
        if (answer.status === 200) {
          const number = Number(answer.headers.get("X-Frame-Number"));
          await show(await answer.blob(), number, answer.headers.get("X-Frame-Caption"));
          after = number;
          say("");
        } else if (answer.status === 204) {
          if (after) say("waiting for a frame");
          else await pause(500);
        } else {
          throw new Error(`status ${answer.status}`);
        }
      } catch {
        say("no connection, trying again");
        after = 0; // a restarted daemon counts from the beginning
        await pause(1500);
      }
    }
  }

  async function followFragment(id, interval) {
    const place = document.getElementById(id);
    let last = null;
    for (;;) {
      await visible();
      try {
        const answer = await fetch(`/fragments/${id}`, { cache: "no-store" });
        if (answer.ok) {
          const text = await answer.text();
          if (text !== last) {
            const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
            place.innerHTML = text;
            if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
            last = text;
          }
        }
      } catch { /* the live view says that the connection is lost */ }
      await pause(interval);
    }
  }

  followFrames();
  followFragment("health", 2000);
  followFragment("sightings", 2000);
})();
