// The clock inside the page. A goal says what the page must show; each frame is asked whether it does, and the time is
// taken once that frame is painted. It starts at the time stamp of the event that moved a control, or at navigation.
(() => {
  const channel = new MessageChannel();
  const painted = [];
  channel.port1.onmessage = () => painted.splice(0).forEach((then) => then());
  const afterPaint = (then) => {
    painted.push(then);
    channel.port2.postMessage(null); // is handled when the frame that is being made is done
  };

  let goal = null;

  function arm(next) {
    goal = { ...next, marks: {}, began: next.on ? null : 0, armed: performance.now(), first: null, paints: 0, version: null };
    goal.before = next.on ? sites[next.site].before?.() : {};
    const mine = goal;
    requestAnimationFrame(() => frame(mine));
    return new Promise((resolve) => (mine.resolve = resolve));
  }

  function frame(mine) {
    if (mine !== goal) return;
    const site = sites[goal.site];
    if (goal.began !== null) {
      for (const name of goal.wanted) {
        if (name in goal.marks || !site[name](goal)) continue;
        goal.marks[name] = NaN; // seen; the time follows
        afterPaint(() => {
          mine.marks[name] = performance.now();
          if (mine.wanted.every((each) => mine.marks[each] > 0)) finish(mine);
        });
      }
      count(site);
    }
    if (performance.now() > (goal.began || goal.armed) + goal.patience) return finish(goal);
    requestAnimationFrame(() => frame(mine));
  }

  function count(site) {
    const version = site.version?.();
    if (version !== goal.version && goal.version !== null) goal.paints += 1;
    goal.version = version;
  }

  function finish(mine) {
    const took = (name) => (mine.marks[name] > 0 ? Math.max(mine.marks[name] - mine.began, 0) : null);
    const marks = Object.fromEntries(mine.wanted.map((name) => [name, took(name)]));
    const shown = sites[mine.site].says();
    const { began, paintsWhileMoving } = mine;
    mine.resolve({ marks, shown, began, paintsWhileMoving, movedFor: began - mine.first });
    if (goal === mine) goal = null;
  }

  for (const kind of ["keydown", "pointermove"]) {
    const heard = (event) => {
      if (goal?.on !== kind) return;
      goal.began = event.timeStamp; // of several moves the last
      goal.first ??= event.timeStamp;
      goal.paintsWhileMoving = goal.paints;
    };
    addEventListener(kind, heard, { capture: true, passive: true });
  }

  const visible = (element) => element !== null && element.getClientRects().length > 0;
  const holdsAll = (text, parts) => parts.every((part) => text.includes(part));

  // -- the dashboard -------------------------------------------------------------------------------------------------

  const figures = () => [...document.querySelectorAll(".sl-centre .shapelab-figure")].filter(visible);
  const plot = (figure) => figure?.querySelector(".js-plotly-plot");
  const alt = (figure) => plot(figure)?.layout?.meta?.alt;
  const isDrawn = (figure) => figure.dataset.drawn > 0 && alt(figure) === figure.getAttribute("aria-label");
  const text = (css) => document.querySelector(css)?.textContent ?? "";

  // The numbers of a picture in few characters: rows, columns and sums of what its cells hold.
  function numbers(figure) {
    const parts = [];
    for (const trace of plot(figure)?.data ?? []) {
      if (trace.type !== "heatmap" || !trace.z) continue;
      let sum = 0;
      for (const row of trace.z) for (const value of row) sum += value || 0;
      parts.push(trace.z.length, trace.z[0]?.length, sum);
    }
    return parts.join(" ");
  }

  const isEven = (rows) => {
    const first = rows?.[0]?.[0];
    return !rows?.length || (rows.length * rows[0].length > 1 && rows.every((row) => row.every((v) => v === first)));
  };

  // The first picture covers the live one until that stands still.
  const early = () => document.querySelector("[data-shapelab-first]");

  const dashboard = {
    before: () => ({ maps: numbers(figures()[1]) }),
    version: () => figures()[0]?.dataset.drawn,
    says: () => [text(".sl-answer"), ...figures().map((figure) => alt(figure)), text(".sl-notice")].join(" | "),
    shapes({ input, output, padding }) {
      if (early()) return false;
      const padded = !padding || [...document.querySelectorAll(".sl-right, .sl-shapes")].some((place) => place.textContent.includes(padding));
      return text(".sl-answer .sl-input") === input && text(".shapelab-output-shape") === output && padded;
    },
    picture(goal) {
      const all = figures();
      return dashboard.shapes(goal) && all.length > 0 && all.every(isDrawn) && holdsAll(alt(all[0]), goal.picture);
    },
    values(goal) {
      if (!dashboard.picture(goal)) return false;
      const [main, maps] = figures();
      if (maps) return alt(maps).includes("(pale)") && numbers(maps) !== goal.before.maps;
      const output = plot(main).data.find((trace) => trace.name === "output");
      return visible(document.querySelector(".sl-arithmetic")) && !isEven(output?.z);
    },
    firstPicture(goal) {
      if (!early()) return dashboard.picture(goal);
      return [...early().querySelectorAll("svg")].some(visible) && holdsAll(early().textContent, [goal.input, goal.output]);
    },
    controls: () => !document.getElementById("loading") && visible(document.querySelector(".shapelab-control .noUi-handle")),
  };

  // -- its peer ------------------------------------------------------------------------------------------------------

  const titles = () => [...document.querySelectorAll(".js-plotly-plot .gtitle")].map((each) => each.textContent);
  const peer = {
    version: () => titles().join(),
    says: () => titles().join(" | "),
    // The words, written last, and the first picture: on a busy machine a second FigureWidget may miss an update for good.
    picture: ({ titles: wanted }) => titles()[0] === wanted[0] && holdsAll(text(".widget-html-content"), wanted),
    firstPicture: (goal) => peer.picture(goal) && document.querySelectorAll(".heatmaplayer image").length === 2,
    controls: () => visible(document.querySelector(".widget-slider .noUi-handle")),
  };

  const sites = { dashboard, peer };
  let last = null;
  globalThis.bench = {
    arm: (next) => (last = arm(next)),
    amend: (more) => Object.assign(goal, more), // what a drag's end must show is known at its end
    finished: () => last,
  };
})();
