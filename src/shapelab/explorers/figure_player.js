// Below a convolution's picture: the window slides by itself, by steps, or along a scale. It moves in the browser; the
// kernel is told where it rests, and a few times a second on the way. Joined with figure_view.js into one module.

const STEP = 500; // ms from one output to the next at speed 1
const TELL = 250; // ms between two messages to the kernel on the way
const SPEEDS = [0.5, 1, 2, 4];
const SIGNS = { back: "M11 2 5 8l6 6z", play: "M4 2l10 6-10 6z", pause: "M4 2h3v12H4zM9 2h3v12H9z", step: "M5 2l6 6-6 6z" };

// window: {count(), at(), go(index, tell), words()}; tell is whether the kernel shall hear of it.
function windowPlayer(view, window) {
  const bar = element("shapelab-player");
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Sliding window");
  const [back, play, step] = ["Step back", "Play", "Step"].map((label) => button(label));
  const scrub = element("shapelab-scrub", "input");
  Object.assign(scrub, { type: "range", min: 0, step: 1 });
  scrub.setAttribute("aria-label", "Output cell of the window");
  const place = element("shapelab-place", "output");
  const speed = element("shapelab-speed", "select");
  speed.setAttribute("aria-label", "Speed");
  speed.append(...SPEEDS.map((factor) => new Option(`${factor}×`, factor, factor === 1, factor === 1)));
  bar.append(back, play, step, scrub, place, speed);
  view.el.append(bar);
  let timer = null;
  let told = 0; // when the kernel last heard
  let scrubbing = false;
  icon(back, "back");
  icon(step, "step");

  function button(label) {
    const made = element("shapelab-player-button", "button");
    made.type = "button";
    made.setAttribute("aria-label", label);
    made.title = label;
    return made;
  }

  function icon(of, name) {
    of.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${SIGNS[name]}"/></svg>`;
  }

  function move(index, resting) {
    const tell = resting || performance.now() - told >= TELL;
    if (tell) told = performance.now();
    window.go(index, tell);
  }

  function tick() {
    const next = window.at() + 1;
    if (!view.el.isConnected || next >= window.count()) return pause();
    move(next, false);
    timer = setTimeout(tick, STEP / speed.value);
  }

  function start() {
    if (window.count() < 2) return;
    if (window.at() + 1 >= window.count()) move(0, false);
    timer = setTimeout(tick, STEP / speed.value);
    shown();
  }

  function pause() {
    if (timer === null) return;
    clearTimeout(timer);
    timer = null;
    move(window.at(), true);
    shown();
  }

  const toggle = () => (timer === null ? start() : pause());

  function by(cells) {
    pause();
    move(Math.min(Math.max(window.at() + cells, 0), window.count() - 1), true);
  }

  function shown() {
    const [count, at] = [window.count(), window.at()];
    const playing = timer !== null;
    scrub.max = Math.max(count - 1, 0);
    scrub.value = at;
    const words = `${window.words()}, ${at + 1} of ${count}`;
    if (place.textContent !== words) place.textContent = words;
    scrub.setAttribute("aria-valuetext", words);
    bar.classList.toggle("shapelab-playing", playing);
    view.el.classList.toggle("shapelab-slides", playing);
    if (play.dataset.shows !== String(playing)) {
      play.dataset.shows = playing;
      icon(play, playing ? "pause" : "play");
      for (const name of ["aria-label", "title"]) play.setAttribute(name, playing ? "Pause" : "Play");
    }
    [back.disabled, play.disabled, step.disabled] = [at === 0, count < 2, at + 1 >= count];
  }

  back.onclick = () => by(-1);
  step.onclick = () => by(1);
  play.onclick = toggle;
  scrub.oninput = () => {
    const to = Number(scrub.value);
    if (timer !== null) clearTimeout(timer);
    timer = null;
    scrubbing = true;
    move(to, false);
  };
  scrub.onchange = () => {
    scrubbing = false;
    move(Number(scrub.value), true);
  };
  bar.onkeydown = (event) => {
    if (event.key !== " " || event.target === speed) return;
    event.preventDefault(); // a button would be pressed as the key is let go
    toggle();
  };
  bar.onkeyup = (event) => event.key === " " && event.target !== speed && event.preventDefault();

  return {
    show: shown,
    pause,
    moving: () => timer !== null || scrubbing,
    destroy() {
      clearTimeout(timer);
      view.el.classList.remove("shapelab-slides");
      bar.remove();
    },
  };
}
