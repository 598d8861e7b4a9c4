// Comfort only: a page that waits looks whether there is news, and shows itself anew if so.
(() => {
  "use strict";
  const waiting = document.querySelector("[data-reload]");
  if (!waiting) return;
  const look = async () => {
    if (document.visibilityState !== "visible") return;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const here = document.querySelector("main").innerHTML;
      if (answer.redirected || page.querySelector("main")?.innerHTML !== here) location.reload();
    } catch {
      // Offline for a moment: the next look will do.
    }
  };
  setInterval(look, Number(waiting.dataset.reload) * 1000);
})();
