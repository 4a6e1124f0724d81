// Places of a picture that the keyboard can reach. Joined with figure_view.js into one module.

// A rectangle of a picture, in its own pixels; it still has to be put into a layer.
function svgBox(x, y, width, height, className) {
  const made = document.createElementNS(SVG, "rect");
  for (const [name, value] of Object.entries({ x, y, width, height })) made.setAttribute(name, value);
  if (className) made.setAttribute("class", className);
  return made;
}

// Focusable elements over parts of a picture, in order; a plane is {name, box: [x, y, width, height], label, role, focus,
// blur}: the last two are called as it gets and loses the focus. They stay while they keep their names, and so does the
// focus; keys go to the behaviour's key(event), where event.target.dataset.stop tells the name. A picture that has such
// places is a group of them to a screen reader, else an image.
function placeStops(view, planes) {
  const { width, height } = view.spec().layout;
  const old = new Map([...view.frame.querySelectorAll(":scope > .shapelab-stop")].map((stop) => [stop.dataset.stop, stop]));
  for (const { name, box, label, role = "application", focus, blur } of planes) {
    const stop = old.get(name) ?? element("shapelab-stop");
    old.delete(name);
    stop.dataset.stop = name;
    stop.tabIndex = 0;
    stop.setAttribute("role", role);
    stop.setAttribute("aria-label", label);
    const [x, y, wide, high] = box;
    const share = (part, whole) => `${(100 * part) / whole}%`;
    Object.assign(stop.style, { left: share(x, width), top: share(y, height) });
    Object.assign(stop.style, { width: share(wide, width), height: share(high, height) });
    stop.onfocus = focus ?? null;
    stop.onblur = blur ?? null;
    if (!stop.isConnected) view.frame.append(stop);
  }
  for (const stop of old.values()) stop.remove();
  view.el.setAttribute("role", planes.length ? "group" : "img");
}
