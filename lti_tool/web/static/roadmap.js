// Comfort only: every page works without this file. No data leaves the browser.
(() => {
  "use strict";
  const body = document.body;

  // Read aloud: question and options with the browser's own voice; the button appears only with one.
  const box = document.querySelector("[data-read-aloud]");
  const voice = window.speechSynthesis;
  if (box && voice && window.SpeechSynthesisUtterance) {
    const button = box.querySelector("button");
    const label = button.querySelector(".kern-label");
    const read = label.textContent;
    const stop = () => { voice.cancel(); label.textContent = read; };
    box.hidden = false;
    button.addEventListener("click", () => {
      if (label.textContent !== read) return stop();
      const texts = [...document.querySelectorAll("[data-read]")].map((e) =>
        e.matches("input") ? e.labels[0].textContent : e.textContent);
      const said = new SpeechSynthesisUtterance(texts.join(". "));
      said.lang = document.documentElement.lang;
      said.onend = stop;
      label.textContent = button.dataset.stop;
      voice.speak(said);
    });
    addEventListener("pagehide", () => voice.cancel());
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

  // The session ends: say so in time, and let one tap keep it open.
  const ends = Number(body.dataset.ends || 0);
  const before = Number(body.dataset.endsBefore || 0);
  if (ends > before) {
    const warn = () => {
      const line = document.createElement("div");
      line.className = "rm-ends rm-wrap";
      line.setAttribute("role", "status");
      const text = document.createElement("p");
      text.className = "kern-body";
      const button = document.createElement("button");
      button.className = "kern-btn kern-btn--secondary";
      button.type = "button";
      button.textContent = body.dataset.endsButton;
      line.append(text, button);
      document.querySelector("main").before(line);
      text.textContent = body.dataset.endsText;
      button.addEventListener("click", () => {
        fetch(body.dataset.keep, { credentials: "same-origin" });
        line.remove();
        setTimeout(warn, (ends - before) * 1000);
      });
    };
    setTimeout(warn, (ends - before) * 1000);
  }

  // What was chosen for the course goes to the learning portal at once.
  const sent = document.querySelector("form[data-send-at-once]");
  if (sent) sent.submit();

  // A registration is done: say so once, unless somebody wants to go on reading first.
  const offer = document.querySelector("[data-close-offer]");
  const outer = window.opener || (window.parent === window ? null : window.parent);
  if (offer && outer) {
    const seconds = Number(body.dataset.close);
    const text = offer.querySelector("[data-close-text]");
    const close = () => outer.postMessage({ subject: "org.imsglobal.lti.close" }, "*");
    const timer = setTimeout(close, seconds * 1000);
    offer.hidden = false;
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
