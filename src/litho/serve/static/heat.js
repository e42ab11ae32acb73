"use strict";
// Cells are coloured by their number: positive in one colour, negative in another, by the largest.
const cells = [...document.querySelectorAll("[data-heat]")].filter((cell) => cell.dataset.heat !== "");
const largest = Math.max(1e-9, ...cells.map((cell) => Math.abs(Number(cell.dataset.heat))));
for (const cell of cells) {
  const value = Number(cell.dataset.heat) / largest;
  cell.classList.add(value < 0 ? "minus" : "plus");
  cell.style.setProperty("--h", Math.round(Math.abs(value) * 60));
}
