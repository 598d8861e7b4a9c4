// Comfort only: every page works without this file. No data leaves the browser.
(() => {
  "use strict";
  const body = document.body;

  // Other words for a question: what is chosen already goes along.
  const words = document.querySelector("form[data-takes-along]");
  if (words) {
    words.addEventListener("formdata", ({ formData }) => {
      formData.delete("order");
      const own = new Set(formData.keys());
      const chosen = new FormData(document.querySelector("main form[data-test]"));
      chosen.forEach((value, name) => { if (!own.has(name)) formData.append(name, value); });
    });
  }

  // Ordering: the same buttons without a reload.
  const list = document.querySelector("[data-order]");
  if (list) {
    const form = list.closest("form");
    const said = form.querySelector("[data-order-said]");
    const settle = () => {
      const rows = [...list.children];
      rows.forEach((row, n) => {
        row.querySelector(".kern-number").textContent = n + 1;
        row.querySelector("[name=up]").hidden = n === 0;
        row.querySelector("[name=down]").hidden = n === rows.length - 1;
      });
      form.elements.order.value = rows.map((row) => row.dataset.value).join("-");
    };
    list.addEventListener("click", (event) => {
      const button = event.target.closest("button[name=up], button[name=down]");
      if (!button) return;
      event.preventDefault();
      const row = button.closest("li");
      if (button.name === "up" && row.previousElementSibling) row.previousElementSibling.before(row);
      else if (button.name === "down" && row.nextElementSibling) row.nextElementSibling.after(row);
      settle();
      [...list.children].forEach((r) => r.classList.toggle("rm-moved", r === row));
      said.hidden = false;
      said.firstElementChild.textContent = said.dataset.template
        .replace("{text}", row.querySelector("[data-read]").textContent)
        .replace("{place}", [...list.children].indexOf(row) + 1)
        .replace("{count}", list.children.length);
      (button.hidden ? row.querySelector("button:not([hidden])") : button).focus();
    });
  }

  // Parts that are folded on a phone lie open where there is room, and everything does on paper.
  if (matchMedia("(min-width: 48rem)").matches) {
    document.querySelectorAll("details[data-open-wide]").forEach((part) => { part.open = true; });
  }
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("main details:not([open])")];
    folded.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((part) => { part.open = false; }));

  // The session ends: say so in time; one tap prolongs it, and so does work in an open page. The
  // server knows when it ends (another tab may have prolonged it), so it is asked before anything.
  const dialog = document.querySelector("dialog[data-ends]");
  if (dialog && dialog.showModal) {
    const given = dialog.dataset;
    const shared = "shared" in given;
    const before = Number(given.before) * 1000;
    let end = 0;
    let last = false;
    let worked = Date.now();
    let timer;

    const say = (what) => {
      const lang = document.documentElement.lang;
      const time = new Date(end).toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit" });
      dialog.querySelectorAll("[data-over]").forEach((part) => {
        part.textContent = part.dataset[what].replace("{time}", time);
      });
      if (!dialog.open) dialog.showModal();
    };
    const plan = (seconds, forGood) => {
      end = Date.now() + seconds * 1000;
      last = forGood;
      clearTimeout(timer);
      timer = setTimeout(look, Math.max(0, seconds * 1000 - before));
    };
    // Answers {ends_s, last}; null: over; undefined: nobody can be asked just now.
    const ask = async (options) => {
      try {
        const answer = await fetch(given.asked, { credentials: "same-origin", ...options });
        return answer.ok ? await answer.json() : null;
      } catch {
        return undefined;
      }
    };
    const keep = async () => {
      worked = Date.now();
      const said = await ask({ method: "POST", body: new URLSearchParams({ csrf: given.csrf }) });
      if (said) plan(said.ends_s, said.last);
      else if (said === null) over();
    };
    const over = () => {
      clearTimeout(timer);
      if (!shared) return say("over");
      // Nobody may read what is still on the screen, even if the next page does not come.
      document.querySelector("main").replaceChildren();
      location.replace(given.home);
    };
    const look = async () => {
      const said = await ask();
      if (said === null) return over();
      const left = said ? said.ends_s * 1000 : end - Date.now();
      if (left <= 0) return over();
      if (said) plan(said.ends_s, said.last);
      if (left > before + 1000) return undefined;
      clearTimeout(timer);
      timer = setTimeout(look, left + 1000);
      return say(last ? "forGood" : "soon");
    };

    dialog.querySelector("button").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => { if (end > Date.now() && !last) keep(); });
    const work = () => {
      if (!last && !dialog.open && Date.now() - worked > Math.min(60000, before)) keep();
    };
    ["keydown", "pointerdown"].forEach((kind) => addEventListener(kind, work, { passive: true }));
    document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
    // "Back" must not show what the browser kept of a person who has left.
    addEventListener("pageshow", (event) => {
      if (event.persisted) { if (shared) location.reload(); else look(); }
    });
    plan(Number(given.ends), "last" in given);
  }

  // The frame that this window was opened from is needed for one thing only (handback.js), and no
  // page that is opened from here later may steer it.
  if (location.pathname.startsWith("/l/") && !document.querySelector("[data-placing]")) {
    window.opener = null;
  }

  // A registration is done: say so once, unless somebody wants to go on reading first.
  const offer = document.querySelector("[data-close-offer]");
  const outer = window.opener || (window.parent === window ? null : window.parent);
  if (offer && outer) {
    const seconds = Number(body.dataset.close);
    const text = offer.querySelector("[data-close-text]");
    const close = () => outer.postMessage({ subject: "org.imsglobal.lti.close" }, "*");
    const timer = setTimeout(close, seconds * 1000);
    offer.hidden = false;
    document.querySelector("[data-close-else]").hidden = true;
    text.textContent = text.dataset.closeText.replace("{s}", seconds);
    offer.querySelector("[data-close-now]").addEventListener("click", () => {
      clearTimeout(timer);
      close();
    });
    offer.querySelector("[data-close-stay]").addEventListener("click", (event) => {
      clearTimeout(timer);
      text.textContent = "";
      event.currentTarget.hidden = true;
    });
  }

  // Inside a frame: tell the learning portal how tall the page is. Height only, nothing else.
  // Not while it registers us: ILIAS takes any other message for a failure.
  if (!("quiet" in body.dataset) && window.parent !== window && window.ResizeObserver) {
    const tell = () => window.parent.postMessage(
      { subject: "lti.frameResize", height: document.documentElement.scrollHeight }, "*");
    new ResizeObserver(tell).observe(body);
  }
})();
