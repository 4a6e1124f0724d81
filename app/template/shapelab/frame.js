// The theme's switch, the change from what shows at first to the live page, and where the tab keeps what is this page's.
{
  // Pages in the frames of one tab share its storage: each is named by which frame of which it is.
  let name = "";
  for (let frame = window; frame !== frame.parent; frame = frame.parent) {
    let which = 0;
    while (which < frame.parent.length && frame.parent[which] !== frame) which++;
    name += `-${which}`;
  }
  window.shapelabKey = (key) => key + name;
}
{
  const root = document.documentElement;
  const button = document.querySelector(".shapelab-theme-toggle");
  // The page's address says what is shown; the theme alone is the page's own to say.
  const asked = new URLSearchParams(location.search);
  let theme = asked.getAll("theme").at(-1);
  asked.delete("theme");
  let told = asked.toString();
  const follow = () => {
    const query = [told, theme === "light" || theme === "dark" ? `theme=${theme}` : ""].filter(Boolean).join("&");
    history.replaceState(history.state, "", location.pathname + (query && `?${query}`) + location.hash);
  };
  document.addEventListener("shapelab-query", ({ detail }) => {
    told = detail;
    follow();
  });

  const name = () => (button.textContent = root.dataset.theme === "dark" ? "☀" : "☾");
  button.addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("shapelab-theme", root.dataset.theme);
    } catch {
      // the choice then lasts as long as the page
    }
    theme = root.dataset.theme;
    follow();
    name();
  });
  name();

  document.querySelector(".shapelab-share").addEventListener("click", async ({ currentTarget: { dataset } }) => {
    (await import(new URL(dataset.script, document.baseURI))).open();
  });

  // What shows at first gives way in two steps: where the controls are as soon as they can be moved, the rest once the
  // live picture stands still. If nothing comes, a sentence does.
  const starting = document.querySelector(".shapelab-starting");
  starting.style.visibility = "visible";
  const patience = setTimeout(() => window.shapelabSorry(), 60000);
  window.shapelabSorry = () => {
    if (root.dataset.shapelabLive) return;
    clearTimeout(patience);
    starting.innerHTML =
      '<div class="shapelab-sorry"><p role="alert">The page did not start. Its kernel may be gone, or the server busy.</p>' +
      '<button type="button">Reload</button></div>';
    starting.querySelector("button").addEventListener("click", () => location.reload());
  };

  const QUIET = 120; // ms without a change
  const LONGEST = 2000; // ms from the first live picture, however much changes
  let settled = null;
  const PATIENCE = 8000; // ms from live controls, whether a picture comes or not
  let latest = null;
  let longest = null;
  const reveal = () => {
    seen.disconnect();
    for (const kind of ["keydown", "pointerdown"]) document.removeEventListener(kind, onMove, { capture: true });
    clearTimeout(settled);
    clearTimeout(latest);
    clearTimeout(longest);
    root.dataset.shapelabLive = "all";
    starting.remove();
  };
  // Whoever moves a control wants to see what comes of it, be the live picture there or not.
  let moved = false;
  const inControls = (event) => event.target.closest?.("#rendered_cells .shapelab-control, #rendered_cells .shapelab-lessons");
  const onMove = (event) => {
    if (!inControls(event)) return;
    moved = true;
    if (live(".shapelab-output-shape")) reveal();
  };
  for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, onMove, { capture: true });
  const live = (css) => document.querySelector(`#rendered_cells ${css}`);
  const first = starting.querySelector("[data-shapelab-first]");
  const seen = new MutationObserver(() => {
    if (!live(".shapelab-control")) return;
    if (!root.dataset.shapelabLive) {
      clearTimeout(patience);
      document.getElementById("loading")?.remove();
      root.dataset.shapelabLive = "controls";
    }
    if (!first || live(".sl-notice-text") || (moved && live(".shapelab-output-shape"))) return reveal();
    longest ??= setTimeout(reveal, PATIENCE);
    if (!live(".sl-centre .shapelab-figure[data-drawn]")) return;
    latest ??= setTimeout(reveal, LONGEST);
    clearTimeout(settled);
    if (live(".sl-arithmetic") || !first.querySelector(".sl-arithmetic")) settled = setTimeout(reveal, QUIET);
  });
  seen.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-drawn"] });
}
