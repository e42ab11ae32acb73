"use strict";
// Tables of class `sortable`: a click on a heading sorts by its column, another one turns it round.
const sortedBy = (row, column) => {
  const cell = row.cells[column];
  const said = cell.dataset.value ?? cell.textContent.trim();
  const number = Number(said);
  return said !== "" && !Number.isNaN(number) ? number : said;
};

function order(a, b) {
  if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b);
  return typeof a === "number" ? -1 : 1;
}

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = make("button", head.textContent, "sort");
    button.type = "button";
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      // Numbers begin with the largest, which is what one looks for.
      const numeric = [...body.rows].some((row) => typeof sortedBy(row, column) === "number");
      const now = head.getAttribute("aria-sort");
      const up = now ? now === "descending" : !numeric;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...body.rows].sort((a, b) => order(sortedBy(a, column), sortedBy(b, column)) * (up ? 1 : -1));
      body.append(...rows);
    });
  });
}
