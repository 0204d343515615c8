"use strict";
// Red light: everything in shades of red, to keep eyes adapted to the dark.
(() => {
  const root = document.documentElement;
  const key = "galaxy-edge-red-light";
  const read = () => {
    try { return localStorage.getItem(key) === "on"; } catch { return false; }
  };
  const apply = (on) => root.classList.toggle("red", on);
  apply(read());
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("red-light");
    const show = () => button.setAttribute("aria-pressed", String(root.classList.contains("red")));
    button.hidden = false;
    show();
    button.addEventListener("click", () => {
      apply(!root.classList.contains("red"));
      try { localStorage.setItem(key, root.classList.contains("red") ? "on" : "off"); } catch { /* private window */ }
      show();
    });
  });
})();
