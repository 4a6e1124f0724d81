// Takes a picture file: decoded and made small here, so that only its pixels travel.

export const upload = {
  render({ model, el }) {
    el.classList.add("sl-upload");
    const label = document.createElement("label");
    const field = document.createElement("input");
    const shown = document.createElement("canvas");
    const said = document.createElement("p");
    const side = model.get("side");
    label.textContent = "Choose a picture…";
    field.type = "file";
    field.accept = "image/*";
    field.setAttribute("aria-label", "A picture file as input, up to 2 MB");
    [shown.width, shown.height] = [side, side];
    shown.hidden = true;
    shown.setAttribute("role", "img");
    shown.setAttribute("aria-label", "The picture that is fed, cut square");
    said.setAttribute("role", "status");
    label.append(field);
    el.append(label, shown, said);

    // A page that is loaded anew in the same tab has the picture still.
    const KEPT = window.shapelabKey?.("shapelab-picture") ?? "shapelab-picture"; // a notebook's page has no such names
    const keep = (pixels) => {
      try {
        sessionStorage.setItem(KEPT, btoa(String.fromCharCode(...pixels)));
      } catch {
        // storage may be forbidden; the picture then lasts as long as the page
      }
    };
    const hand = () => {
      let kept = null;
      try {
        kept = sessionStorage.getItem(KEPT);
      } catch {
        // the same
      }
      if (!kept) return model.send({ say: "gone" });
      const pixels = Uint8Array.from(atob(kept), (letter) => letter.charCodeAt(0));
      const drawn = new ImageData(side, side);
      drawn.data.fill(255);
      for (let i = 0; i < side * side; i++) drawn.data.set(pixels.subarray(3 * i, 3 * i + 3), 4 * i);
      shown.getContext("2d").putImageData(drawn, 0, 0);
      shown.hidden = false;
      model.send({ say: "kept" }, undefined, [pixels.buffer]);
    };
    if (model.get("wanted")) hand();

    async function take(file) {
      if (!file) return;
      const most = model.get("most");
      if (file.size > most) {
        said.textContent = `${file.name} has ${(file.size / 2 ** 20).toFixed(1)} MB, up to ${most / 2 ** 20} MB are read: choose a smaller one.`;
        return;
      }
      let picture;
      try {
        picture = await createImageBitmap(file);
      } catch {
        said.textContent = `${file.name} is no picture that this browser can read: PNG, JPEG, GIF and WebP work.`;
        return;
      }
      const cut = Math.min(picture.width, picture.height);
      const pen = shown.getContext("2d", { willReadFrequently: true });
      pen.fillStyle = "#fff"; // behind what is transparent
      pen.fillRect(0, 0, side, side);
      pen.imageSmoothingQuality = "high";
      pen.drawImage(picture, (picture.width - cut) / 2, (picture.height - cut) / 2, cut, cut, 0, 0, side, side);
      picture.close();
      const { data } = pen.getImageData(0, 0, side, side);
      const pixels = new Uint8Array(side * side * 3);
      for (let i = 0; i < side * side; i++) pixels.set(data.subarray(4 * i, 4 * i + 3), 3 * i);
      shown.hidden = false;
      said.textContent = `${file.name}, cut square, as ${side} × ${side} pixels`;
      keep(pixels);
      model.send({ say: "picture" }, undefined, [pixels.buffer]);
    }

    field.addEventListener("change", () => take(field.files[0]));
    el.addEventListener("dragover", (event) => event.preventDefault());
    el.addEventListener("drop", (event) => {
      event.preventDefault();
      take(event.dataTransfer.files[0]);
    });
  },
};
