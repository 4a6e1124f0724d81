// A page whose kernel is lost comes back by itself, in the state that its address holds; where it cannot yet, it says so.
{
  const EVERY = 2000; // ms between two looks while something is wrong
  const OFTEN = 20000; // ms between two while nothing seems to be
  const PATIENCE = 1200; // ms without a connection before the page mentions it
  const SPREAD = 1500; // ms over which the pages of a server that ended come back
  const ONCE = 30000; // ms within which a page reloads itself only once: if that did not help, a person decides
  const kernel = () => window.jupyterapp?.widgetManager?.kernel ?? null;
  const asked = () => JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}");
  let banner = null;
  let begun = false; // whether the page's scripts are there
  let watched = null; // the connection that they have made; none when the kernel ended while they were on their way
  let looking = null;
  let leaving = false;

  // true while the kernel lives, false when it is gone, "idle" when that is because nobody was here, null while the server
  // does not answer.
  async function lives() {
    const { baseUrl, kernelId } = asked();
    try {
      const answer = await fetch(`${baseUrl}shapelab/kernel/${kernelId}`, { cache: "no-store" });
      return { 204: true, 404: false, 410: "idle" }[answer.status] ?? null;
    } catch {
      return null;
    }
  }

  async function look() {
    clearTimeout(looking);
    if (leaving || !begun) return;
    const alive = await lives();
    const connected = watched?.connectionStatus === "connected";
    if (alive === true && connected) hide();
    else if (alive === false || (alive === true && !watched)) return comeBack();
    else if (alive === "idle") return comeBackWithSomebody();
    else if (alive === null) say("The server does not answer. What you set is kept; this page goes on by itself.");
    else say("The connection is lost. What you set is kept; this page connects again by itself.");
    looking = setTimeout(look, alive === true && connected ? OFTEN : EVERY);
  }

  function comeBack() {
    if (!firstTry()) return say("The page's kernel has ended. What you set is kept.");
    leaving = true;
    setTimeout(() => location.reload(), SPREAD * Math.random());
  }

  // A page that is left alone would otherwise take a place for ever.
  function comeBackWithSomebody() {
    say("This page was left alone for a while, and its kernel has ended. What you set is kept; it goes on when you do.");
    for (const kind of ["pointermove", "pointerdown", "keydown", "touchstart"])
      document.addEventListener(kind, () => location.reload(), { once: true, capture: true });
  }

  function firstTry() {
    try {
      const key = window.shapelabKey("shapelab-reloaded");
      const before = Number(sessionStorage.getItem(key) ?? 0);
      sessionStorage.setItem(key, Date.now());
      return Date.now() - before > ONCE;
    } catch {
      return false; // without storage a page could not tell, and would reload for ever
    }
  }

  function say(words) {
    if (!banner) {
      banner = document.createElement("div");
      banner.className = "shapelab-banner";
      banner.setAttribute("role", "alert");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Reload";
      button.addEventListener("click", () => location.reload());
      banner.append(document.createElement("span"), button);
      document.body.append(banner);
    }
    const [line] = banner.children;
    if (line.textContent !== words) line.textContent = words;
  }

  function hide() {
    banner?.remove();
    banner = null;
  }

  function watch() {
    if (!window.jupyterapp) return;
    clearInterval(waiting);
    begun = true;
    watched = kernel();
    watched?.connectionStatusChanged.connect(() => setTimeout(look, PATIENCE));
    watched?.statusChanged.connect((_, status) => ["dead", "autorestarting"].includes(status) && look());
    look();
  }

  const waiting = setInterval(watch, 500);
  window.addEventListener("online", look);
  document.addEventListener("visibilitychange", () => document.hidden || look());
  window.addEventListener("pagehide", () => (leaving = true));
  window.addEventListener("pageshow", (event) => {
    leaving = false;
    if (event.persisted) look(); // from the browser's cache of pages
  });
}
