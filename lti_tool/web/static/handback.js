// A choice of Deep Linking that was made in a window of its own goes back by the frame it was
// opened from: there the platform waits for it. Both ends are our pages and hear our own origin
// only; the frame sends to its own platform only (data-origins, and form-action of its policy).
// What fails here leaves the window to send its answer itself.
(() => {
  "use strict";
  const PATIENCE_MS = 2000;
  const PLACING = "roadmap.placing";
  const PLACED = "roadmap.placed";
  const TAKEN = "roadmap.taken";

  const hear = (subject, act) => {
    const heard = (event) => {
      if (event.origin !== location.origin || event.data?.subject !== subject) return;
      act(event, () => removeEventListener("message", heard));
    };
    addEventListener("message", heard);
  };
  const show = (name, shown) => document.querySelectorAll(`[data-${name}]`)
    .forEach((part) => { part.hidden = !shown; });

  // The frame, which stays open behind the window.
  const frame = document.querySelector("form[data-hand-back]");
  if (frame) {
    const stay = () => { show("stay-open", true); show("not-needed", false); };
    if ("known" in frame.dataset) stay();
    hear(PLACING, stay);
    hear(PLACED, (event, once) => {
      const { url, jwt } = event.data;
      if (!URL.canParse(url) || !frame.dataset.origins.split(" ").includes(new URL(url).origin)) return;
      once();
      event.source.postMessage({ subject: TAKEN }, location.origin);
      frame.action = url;
      frame.elements.JWT.value = jwt;
      frame.submit();
    });
  }

  // The window: on the page of the choice, and on the one that hands it over.
  const tell = (message) => window.opener?.postMessage(message, location.origin);
  if (document.querySelector("[data-placing]")) tell({ subject: PLACING });
  const choice = document.querySelector("form[data-send-at-once]");
  if (!choice) return;
  if (!window.opener) { choice.submit(); return; }
  const late = setTimeout(() => choice.submit(), PATIENCE_MS);
  hear(TAKEN, () => {
    clearTimeout(late);
    show("handed-over", true);
    show("on-its-way", false);
    choice.hidden = true;
  });
  tell({ subject: PLACED, url: choice.action, jwt: choice.elements.JWT.value });
})();
