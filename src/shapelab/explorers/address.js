// Tells the page around the widgets its query, brings the widgets what the kernel tells of many at once, and keeps in the
// tab what a page that is loaded anew cannot read from its address.

function share(manager, changes, buffers) {
  let next = 0;
  for (const [name, state, places] of changes) {
    const own = buffers.slice(next, (next += places.length));
    if (!manager.has_model(name)) continue; // closed meanwhile
    const data = { method: "update", state, buffer_paths: places };
    manager.get_model(name).then((widget) => widget._handle_comm_msg({ content: { data }, buffers: own }));
  }
}

export const address = {
  render({ model }) {
    const own = (key) => window.shapelabKey?.(key) ?? key; // a notebook's page has no such names
    const [KEPT, PICTURE] = [own("shapelab-kept"), own("shapelab-picture")]; // the picture is upload.js's
    const tell = () => document.dispatchEvent(new CustomEvent("shapelab-query", { detail: model.get("query") }));
    const keep = () => {
      try {
        sessionStorage.setItem(KEPT, `${model.get("query")}\n${model.get("beside")}`);
      } catch {
        // storage may be forbidden; then a page loaded anew has its address alone
      }
    };
    const hand = () => {
      const kept = sessionStorage.getItem(KEPT);
      if (!kept) return;
      const picture = kept.includes("picture=kept", kept.indexOf("\n")) && sessionStorage.getItem(PICTURE);
      const pixels = picture ? [Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0)).buffer] : [];
      model.send({ say: "kept", kept }, undefined, pixels);
    };
    try {
      hand();
    } catch {
      // the same
    }
    model.on("change:query", tell);
    model.on("msg:custom", (told, buffers) => told.changes && share(model.widget_manager, told.changes, buffers));
    for (const changed of ["change:query", "change:beside"]) model.on(changed, keep);
    model.send({ say: "ready" });
    tell();
  },
};
