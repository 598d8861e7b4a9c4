// Read aloud with the browser's own voice: question, picture and answers, sentence by sentence. Only
// voices of the device itself: others send the text to somebody else. Without one no button shows.
(() => {
  "use strict";
  const box = document.querySelector("[data-read-aloud]");
  const speech = window.speechSynthesis;
  if (!box || !speech || !window.SpeechSynthesisUtterance) return;
  const button = box.querySelector("button");
  const label = button.querySelector(".kern-label");
  const read = label.textContent;
  const lang = document.documentElement.lang;
  const home = { de: "de-DE", en: "en-GB" }[lang];
  const marks = window.Highlight && CSS.highlights;
  let turn = 0;  // what was started last: an older voice that ends late changes nothing

  const voice = () => {
    const own = speech.getVoices().filter((v) => v.localService && v.lang.slice(0, 2).toLowerCase() === lang);
    return own.find((v) => v.lang.replace("_", "-") === home) || own[0];
  };

  // Where a part is seen, and its sentences: [text, place on the page or null].
  const sentences = (part) => {
    const seen = part.labels ? part.labels[0] : part;
    const whole = part.dataset.read || part.getAttribute("aria-label") || seen.textContent;
    const cut = window.Intl && Intl.Segmenter
      ? [...new Intl.Segmenter(lang, { granularity: "sentence" }).segment(whole)]
      : [{ segment: whole, index: 0 }];
    return cut.map(({ segment, index }) => [segment.trim(), seen, place(seen, whole, index, segment.length)]);
  };
  const place = (seen, whole, from, length) => {
    const node = seen.firstChild;
    if (!marks || !node || node.nodeType !== 3 || node.data !== whole) return null;
    const range = document.createRange();
    range.setStart(node, from);
    range.setEnd(node, from + length);
    return range;
  };

  const show = (seen, range) => {
    document.querySelectorAll(".rm-read").forEach((e) => e.classList.remove("rm-read"));
    if (marks) CSS.highlights.delete("rm-said");
    const part = seen && (seen.closest(".rm-option, .rm-order") || seen);
    if (part) {
      part.classList.add("rm-read");
      part.scrollIntoView({ block: "nearest" });
    }
    if (range) CSS.highlights.set("rm-said", new window.Highlight(range));
  };
  const stop = () => {
    turn += 1;
    speech.cancel();
    show();
    label.textContent = read;
  };
  const say = (rest, mine) => {
    if (mine !== turn) return;
    if (!rest.length) return stop();
    const [text, seen, range] = rest[0];
    const said = new SpeechSynthesisUtterance(text);
    said.voice = voice();
    said.lang = said.voice ? said.voice.lang : lang;
    said.onend = () => say(rest.slice(1), mine);
    said.onerror = () => { if (mine === turn) stop(); };
    show(seen, range);
    speech.speak(said);
  };

  button.addEventListener("click", () => {
    if (label.textContent !== read) return stop();
    stop();
    label.textContent = button.dataset.stop;
    const parts = [...document.querySelectorAll("[data-read]")].flatMap(sentences);
    return say(parts.filter(([text]) => text), turn);
  });
  addEventListener("keydown", (event) => { if (event.key === "Escape") stop(); });
  addEventListener("pagehide", stop);

  const offer = () => {
    box.hidden = !voice();
    const recording = document.querySelector(".rm-sound");
    if (recording) recording.hidden = !box.hidden;
  };
  offer();
  if (speech.addEventListener) speech.addEventListener("voiceschanged", offer);
})();
