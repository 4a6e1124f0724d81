// The text beside a picture. Its HTML comes once a lesson; after that only words change, in their places.

let texts = 0; // explorers on one page must not share an accordion, nor the name of a card

// Explains terms on a card of the top layer, which no column clips: by hover, by focus, by touch.
function explaining(model, body, card) {
  let shown = null;

  function hide() {
    shown?.removeAttribute("aria-describedby");
    shown = null;
    if (card.matches(":popover-open")) card.hidePopover();
  }

  function show(term) {
    const says = model.get("terms")[term.dataset.term];
    if (!says || term === shown) return;
    hide();
    shown = term;
    card.textContent = says;
    card.showPopover();
    const at = term.getBoundingClientRect();
    const { width, height } = card.getBoundingClientRect();
    const below = at.bottom + height <= innerHeight || at.top < height;
    card.style.left = `${Math.max(8, Math.min(at.left, document.documentElement.clientWidth - width - 8))}px`;
    card.style.top = `${below ? at.bottom : at.top - height}px`;
    term.setAttribute("aria-describedby", card.id);
  }

  const termOf = (place) => (place instanceof Element ? place.closest("[data-term]") : null);
  const over = (event) => termOf(event.target) && show(termOf(event.target));
  // The pointer may go from the term to its card, to read or to copy; a finger that is lifted has not left.
  function out(event) {
    const to = event.relatedTarget;
    if (shown && event.pointerType !== "touch" && !card.contains(to) && !shown.contains(to) && shown !== document.activeElement)
      hide();
  }
  function key(event) {
    if (event.key !== "Escape" || !shown) return;
    event.stopPropagation();
    hide();
  }
  const away = (event) => shown && !shown.contains(event.target) && !card.contains(event.target) && hide();

  for (const kind of ["pointerover", "focusin", "click"]) body.addEventListener(kind, over);
  for (const place of [body, card]) place.addEventListener("pointerout", out);
  body.addEventListener("focusout", hide);
  card.addEventListener("click", hide);
  document.addEventListener("keydown", key, true);
  document.addEventListener("pointerdown", away);
  document.addEventListener("scroll", hide, true);
  return {
    hide,
    stop() {
      document.removeEventListener("keydown", key, true);
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("scroll", hide, true);
    },
  };
}

function renderText({ model, el }) {
  const own = `sl-text-${++texts}`;
  const [body, card] = [document.createElement("div"), document.createElement("div")];
  el.classList.add("shapelab-text");
  Object.assign(card, { id: `${own}-card`, className: "sl-card", popover: "manual" });
  card.setAttribute("role", "tooltip");
  el.append(body, card);
  const terms = explaining(model, body, card);

  function write() {
    const live = model.get("live");
    for (const place of body.querySelectorAll("[data-live]")) {
      const words = live[place.dataset.live] ?? "…";
      if (place.textContent !== words) place.textContent = words;
    }
    for (const button of body.querySelectorAll("[data-live-pick]")) {
      const stage = live[button.dataset.livePick] ?? "";
      if (button.dataset.pick !== stage) button.dataset.pick = stage;
      button.disabled = !stage;
    }
  }

  function show() {
    terms.hide();
    body.innerHTML = model.get("html");
    for (const section of body.querySelectorAll("details")) section.name = own;
    write();
  }

  function click(event) {
    const sources = body.querySelector("dialog");
    if (event.target.closest(".sl-open-sources")) sources.showModal();
    if (event.target === sources) sources.close(); // the backdrop
  }

  body.addEventListener("click", click);
  model.on("change:html", show);
  model.on("change:live", write);
  show();

  return () => {
    terms.stop();
    model.off("change:html", show);
    model.off("change:live", write);
  };
}

export const lessonText = { render: renderText };
