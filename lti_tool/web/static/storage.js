// The proof of a login in the platform's own storage, where the browser keeps no cookie of ours.
// LTI Client Side postMessages: lti.put_data and lti.get_data, to the origin of the platform's
// authorization address and from nowhere else. What fails shows the rest of the page instead.
(() => {
  "use strict";
  const PATIENCE_MS = 5000;
  const AGAIN_MS = 500;  // the platform's own script may start later than ours
  // Loaded before the page is drawn: what helps if all this fails is not seen for a moment only.
  const trying = document.documentElement.classList;
  trying.add("rm-trying");
  addEventListener("DOMContentLoaded", () => {
    const box = document.querySelector("[data-storage]");
    const { frame, origin, key } = box.dataset;

    const number = () => [...crypto.getRandomValues(new Uint8Array(16))]
      .map((byte) => byte.toString(16).padStart(2, "0")).join("");

    // Another site's window gives us nothing but its named frames, and an error for any other name.
    const storage = () => {
      if (window.parent === window) throw new Error("no frame");
      return frame === "_parent" ? window.parent : window.parent.frames[frame];
    };

    const ask = (to, target, message) => new Promise((done, fail) => {
      const id = number();
      const send = () => to.postMessage({ ...message, message_id: id }, target);
      const repeat = setInterval(send, AGAIN_MS);
      const stop = () => { removeEventListener("message", hear); clearInterval(repeat); };
      const hear = (event) => {
        const said = event.data;
        if (target === "*" ? event.source !== to : event.origin !== target) return;
        if (!said || said.message_id !== id || said.subject !== `${message.subject}.response`) return;
        stop();
        if (said.error) fail(new Error("refused")); else done(said);
      };
      addEventListener("message", hear);
      setTimeout(() => { stop(); fail(new Error("late")); }, PATIENCE_MS);
      send();
    });

    // Nothing secret is in this question, so any parent may hear it; "no" saves waiting for silence.
    const unless = async (subject) => {
      const said = await ask(window.parent, "*", { subject: "lti.capabilities" }).catch(() => null);
      const known = Array.isArray(said?.supported_messages) ? said.supported_messages : null;
      if (known && !known.some((one) => one?.subject === subject)) throw new Error("not offered");
      return new Promise(() => {});
    };

    const call = (message) =>
      Promise.race([ask(storage(), origin, message), unless(message.subject)]);

    const put = async () => {
      await call({ subject: "lti.put_data", key, value: box.dataset.value });
      location.replace(box.dataset.next);
    };

    const get = async () => {
      const said = await call({ subject: "lti.get_data", key });
      if (typeof said.value !== "string" || !said.value) throw new Error("nothing kept");
      box.elements.proof.value = said.value;
      box.submit();
    };

    (async () => (box.dataset.storage === "put" ? put() : get()))().catch(() => {
      trying.remove("rm-trying");
    });
  });
})();
