"use strict";
// Everything in the report can be read without this script; it adds sliders, downloads and the place in the contents.

// The sentences of this script in the language of the page; English is its own key.
const words = JSON.parse(document.getElementById("words")?.textContent ?? "{}");
function said(sentence, values = {}) {
  return (words[sentence] ?? sentence).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function button(label, title, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "save";
  made.textContent = label;
  made.title = title;
  made.setAttribute("aria-label", title);
  made.addEventListener("click", action);
  return made;
}

function fileName(text) {
  return (text || "picture").trim().toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60);
}

function csvCell(text) {
  const flat = text.trim().replace(/\s+/g, " ");
  // A spreadsheet would run a cell that begins like a formula.
  const number = /^[-+]?[\d.,]+(e[-+]?\d+)?\s?%?$/i.test(flat);
  const safe = /^[=+\-@\t\r]/.test(flat) && !number ? "'" + flat : flat;
  return '"' + safe.replace(/"/g, '""') + '"';
}

for (const slider of document.querySelectorAll("input[data-heat]")) {
  slider.closest(".slider").hidden = false;
  slider.addEventListener("input", () => {
    slider.closest(".card, section").style.setProperty("--heat", slider.value / 100);
  });
}

for (const table of document.querySelectorAll("table[data-name]")) {
  const place = table.closest(".scroll") || table;
  place.after(button("CSV", said("Download this table as CSV"), () => {
    const rows = [...table.rows].map((row) => [...row.cells].map((cell) => csvCell(cell.innerText)).join(","));
    save(fileName(table.dataset.name) + ".csv", new Blob([rows.join("\n")], { type: "text/csv" }));
  }));
}

for (const figure of document.querySelectorAll("figure[data-name]")) {
  const images = [...figure.querySelectorAll(".overlay img, img.picture")];
  const drawing = images.length ? null : figure.querySelector("svg");
  const title = said("Download the picture {name}", { name: figure.dataset.name });
  if (drawing) figure.append(button("SVG", title, () => {
    save(fileName(figure.dataset.name) + ".svg", new Blob([drawing.outerHTML], { type: "image/svg+xml" }));
  }));
  if (images.length) figure.append(button("PNG", title, () => {
    const size = Math.max(448, ...images.map((image) => image.naturalWidth));
    const canvas = document.createElement("canvas");
    canvas.width = size;
    canvas.height = Math.round((size * images[0].naturalHeight) / images[0].naturalWidth);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = images[0].naturalWidth >= 64;
    for (const image of images) {
      context.globalAlpha = Number(getComputedStyle(image).opacity);
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
    }
    canvas.toBlob((blob) => save(fileName(figure.dataset.name) + ".png", blob));
  }));
}

const download = document.getElementById("download-data");
download.hidden = false;
download.addEventListener("click", () => {
  const data = document.getElementById("page-data").textContent;
  save(fileName(document.title) + ".json", new Blob([data], { type: "application/json" }));
});

const links = new Map([...document.querySelectorAll("nav li a")].map((link) => [link.hash.slice(1), link]));
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    for (const link of links.values()) link.removeAttribute("aria-current");
    const link = links.get(entry.target.id);
    if (link) link.setAttribute("aria-current", "true");
  }
}, { rootMargin: "-10% 0px -80% 0px" });
for (const section of document.querySelectorAll("main > section")) seen.observe(section);

// An atlas: search, sorting, arrow keys, and one channel in large. Without this script it is a list of pictures.
for (const atlas of document.querySelectorAll("[data-atlas]")) {
  const tools = atlas.querySelector(".atlas-tools");
  const [search, sort, count] = ["input", "select", "output"].map((name) => tools.querySelector(name));
  const list = atlas.querySelector("ul");
  const items = [...list.children];
  const dialog = atlas.querySelector("dialog");
  const order = ["fail", "untestable", "warn", "pass", ""];
  tools.hidden = false;
  atlas.classList.add("live");

  const value = (item) => {
    const raw = item.dataset[sort.value];
    if (sort.value === "number") return -Number(raw);
    if (sort.value === "status") return -order.indexOf(raw);
    return raw === "" ? -Infinity : Number(raw);
  };
  const shown = () => [...list.children].filter((item) => !item.hidden);
  const focusOn = (item) => {
    for (const other of items) other.tabIndex = other === item ? 0 : -1;
  };
  const update = () => {
    const parts = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const words = (item) => item.dataset.words.toLowerCase().split(/\s+/);
    const fits = (item, part) => (/^\d+$/.test(part) ? words(item).includes(part) : item.dataset.words.toLowerCase().includes(part));
    for (const item of items) item.hidden = !parts.every((part) => fits(item, part));
    list.append(...[...items].sort((a, b) => value(b) - value(a) || a.dataset.number - b.dataset.number));
    const left = shown();
    count.textContent = said("{shown} of {total}", { shown: left.length, total: items.length });
    focusOn(left[0]);
  };
  const open = (item) => {
    dialog.querySelector("div").replaceChildren(...[...item.children].map((child) => child.cloneNode(true)));
    dialog.showModal();
  };
  search.addEventListener("input", update);
  sort.addEventListener("change", update);
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  list.addEventListener("click", (event) => {
    const item = event.target.closest("li");
    if (item) { focusOn(item); open(item); }
  });
  list.addEventListener("keydown", (event) => {
    const left = shown();
    const place = left.indexOf(event.target.closest("li"));
    const top = left.findIndex((item) => item.offsetTop > left[0].offsetTop);
    const columns = top < 0 ? left.length : top;
    const move = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -place, End: left.length - 1 - place }[event.key];
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(left[place]); }
    else if (event.key === "/") { event.preventDefault(); search.focus(); }
    else if (move !== undefined && left[place + move]) { event.preventDefault(); focusOn(left[place + move]); left[place + move].focus(); }
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && shown().length) shown()[0].focus();
  });
}

// A link to what is folded opens it.
function unfold() {
  const place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let part = place; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
}
addEventListener("hashchange", unfold);
unfold();

// What scrolls sideways can be reached with the keyboard, and nothing else asks for a stop.
function reachable() {
  for (const place of document.querySelectorAll(".scroll, pre")) {
    const scrolls = place.scrollWidth > place.clientWidth + 1;
    if (scrolls) place.tabIndex = 0;
    else place.removeAttribute("tabindex");
  }
}
addEventListener("resize", reachable);
addEventListener("toggle", reachable, true);
reachable();

// Tables sort by a column: click once from the smallest, twice from the largest.
for (const table of document.querySelectorAll("table[data-name]")) {
  const head = table.tHead, body = table.tBodies[0];
  const plain = !table.matches(".confusion, .shades, .audit") && !table.querySelector("[rowspan], [colspan]");
  if (!head || !body || !plain || head.rows.length !== 1 || body.rows.length < 3) continue;
  const key = (row, place) => {
    const cell = row.cells[place];
    const drawn = cell.querySelector("svg[aria-label]");
    const text = (drawn ? drawn.getAttribute("aria-label") : cell.textContent).trim();
    const number = parseFloat(text.replace(/\u2212/g, "-").replace(/(\d),(?=\d{3})/g, "$1"));
    return cell.matches(".n") || drawn ? (Number.isNaN(number) ? -Infinity : number) : text;
  };
  [...head.rows[0].cells].forEach((header, place) => {
    const sorter = document.createElement("button");
    sorter.type = "button";
    sorter.className = "sort";
    sorter.append(...header.childNodes);
    header.append(sorter);
    header.setAttribute("aria-sort", "none");
    sorter.addEventListener("click", () => {
      const up = header.getAttribute("aria-sort") !== "ascending";
      for (const other of head.rows[0].cells) other.setAttribute("aria-sort", "none");
      header.setAttribute("aria-sort", up ? "ascending" : "descending");
      const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true }));
      const rows = [...body.rows].sort((a, b) => (up ? 1 : -1) * order(key(a, place), key(b, place)));
      body.append(...rows);
    });
  });
}

// A click on a count of the confusion matrix marks its errors.
for (const table of document.querySelectorAll("table[data-errors]")) {
  const errors = document.getElementById("errors");
  if (!errors) continue;
  for (const cell of table.querySelectorAll("td[data-cell]")) {
    const found = [...errors.querySelectorAll("figure")].filter((figure) => figure.dataset.cell === cell.dataset.cell);
    if (!found.length) continue;
    const opener = document.createElement("button");
    opener.type = "button";
    opener.append(...cell.childNodes);
    opener.title = found[0].querySelector("img").alt;
    cell.append(opener);
    opener.addEventListener("click", () => {
      for (const figure of errors.querySelectorAll("figure")) figure.classList.toggle("chosen", found.includes(figure));
      errors.open = true;
      found[0].scrollIntoView({ block: "center" });
    });
  }
}

// Two maps of one picture in one place: the slider moves the border between them.
for (const place of document.querySelectorAll("[data-compare]")) {
  const figures = [...place.closest(".card").querySelectorAll(".maps figure[data-map]")];
  if (figures.length < 2) continue;
  const fold = document.createElement("details");
  const title = document.createElement("summary");
  title.textContent = said("Compare two maps with a slider");
  const stage = document.createElement("div");
  stage.className = "stage";
  const choices = document.createElement("p");
  const selects = [said("Left"), said("Right")].map((side, number) => {
    const label = document.createElement("label");
    const select = document.createElement("select");
    figures.forEach((figure, index) => select.add(new Option(figure.dataset.map, index, false, index === number)));
    label.append(side + " ", select);
    choices.append(label);
    return select;
  });
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: 0, max: 100, value: 50 });
  slider.setAttribute("aria-label", said("Border between the two maps, in percent of the width"));
  const cut = () => { if (stage.children[1]) stage.children[1].style.clipPath = `inset(0 0 0 ${slider.value}%)`; };
  const draw = () => {
    stage.replaceChildren(...selects.map((select) => figures[select.value].querySelector(".overlay").cloneNode(true)));
    cut();
  };
  for (const select of selects) select.addEventListener("change", draw);
  slider.addEventListener("input", cut);
  fold.addEventListener("toggle", () => { if (fold.open && !stage.children.length) draw(); });
  fold.append(title, choices, stage, slider);
  place.append(fold);
  place.hidden = false;
}

// A table that can be searched: every word of the search is in the rows that stay, and what was chosen in their columns.
for (const box of document.querySelectorAll("[data-search]")) {
  const [input, count] = ["input", "output"].map((name) => box.querySelector(name));
  const rows = [...box.querySelectorAll("tbody tr")];
  const choices = [...box.querySelectorAll("select")];
  box.querySelector("[role=search]").hidden = false;
  const update = () => {
    const parts = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = choices.filter((choice) => choice.value !== "");
    for (const row of rows) {
      const found = parts.every((part) => row.textContent.toLowerCase().includes(part));
      row.hidden = !found || !chosen.every((choice) => row.cells[choice.dataset.column].textContent === choice.value);
    }
    count.textContent = said("{shown} of {total}", { shown: rows.filter((row) => !row.hidden).length, total: rows.length });
  };
  input.addEventListener("input", update);
  for (const choice of choices) choice.addEventListener("change", update);
  update();
}
