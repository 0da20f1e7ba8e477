// The numbers under the pointer. Without this script the page lacks nothing else.
for (const figure of document.querySelectorAll("figure.plot")) {
  const data = JSON.parse(figure.querySelector("script").textContent);
  if (data.at.length === 0) continue;
  const readout = document.createElement("div");
  readout.className = "readout";
  readout.hidden = true;
  readout.setAttribute("aria-hidden", "true");
  figure.append(readout);
  for (const svg of figure.querySelectorAll("svg")) follow(svg, readout, data);
}

function follow(svg, readout, data) {
  // Browsers show a title as a tooltip, over the readout.
  const title = svg.querySelector("title");
  svg.setAttribute("aria-label", title.textContent);
  svg.setAttribute("aria-describedby", svg.querySelector("desc").id);
  svg.removeAttribute("aria-labelledby");
  title.remove();
  const [left, top, width, height] = svg.dataset.area.split(" ").map(Number);
  const rule = document.createElementNS("http://www.w3.org/2000/svg", "path");
  rule.setAttribute("class", "pointer");
  svg.append(rule);

  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const pixel = box.width / svg.viewBox.baseVal.width;
    const place = nearest(data.at, ((event.clientX - box.left) / pixel - left) / width);
    const x = left + data.at[place] * width;
    rule.setAttribute("d", `M${x} ${top}v${height}`);
    show(readout, data, place);
    const frame = readout.parentElement.getBoundingClientRect();
    const at = box.left - frame.left + x * pixel;
    const before = at + readout.offsetWidth + 16 > frame.width;
    readout.style.left = `${Math.max(4, before ? at - readout.offsetWidth - 12 : at + 12)}px`;
    readout.style.top = `${box.top - frame.top + top * pixel + 4}px`;
  });
  svg.addEventListener("pointerleave", () => {
    readout.hidden = true;
    rule.removeAttribute("d");
  });
}

function nearest(places, wanted) {
  let best = 0;
  places.forEach((place, index) => {
    if (Math.abs(place - wanted) < Math.abs(places[best] - wanted)) best = index;
  });
  return best;
}

function show(readout, data, place) {
  const line = (name, value, style) => {
    const row = document.createElement("p");
    if (style) row.append(Object.assign(document.createElement("i"), { className: `swatch-${style}` }));
    row.append(Object.assign(document.createElement("span"), { textContent: name }));
    row.append(Object.assign(document.createElement("b"), { textContent: value }));
    return row;
  };
  const rows = data.series.map((series, index) => line(series.name, series.values[place] ?? "–", (index % 6) + 1));
  readout.replaceChildren(line("at", data.labels[place]), ...rows);
  readout.hidden = false;
}
