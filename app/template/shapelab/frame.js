// The theme's switch, and the change from what shows at first to the live page.
{
  const root = document.documentElement;
  const button = document.querySelector(".shapelab-theme-toggle");
  const name = () => (button.textContent = root.dataset.theme === "dark" ? "☀" : "☾");
  button.addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("shapelab-theme", root.dataset.theme);
    } catch {
      // the choice then lasts as long as the page
    }
    name();
  });
  name();

  window.shapelabSorry = () => {
    const place = document.getElementById("loading");
    if (!place) return;
    place.innerHTML =
      '<div class="shapelab-sorry"><p>The page did not start. Its kernel may be gone, or the server busy.</p>' +
      '<button type="button">Reload</button></div>';
    place.querySelector("button").addEventListener("click", () => location.reload());
  };
  // What shows at first goes when the widgets are there; if they do not come, a sentence does.
  const seen = new MutationObserver(() => {
    if (document.querySelector("#rendered_cells .shapelab-control")) {
      document.getElementById("loading")?.remove();
      clearTimeout(patience);
      seen.disconnect();
    }
  });
  seen.observe(document.body, { childList: true, subtree: true });
  const patience = setTimeout(window.shapelabSorry, 60000);
}
