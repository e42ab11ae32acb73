"use strict";
// Pointing at a genome, in the picture or in the table, shows those that it came from.
const tree = element("family");
const nodes = new Map([...tree.querySelectorAll("[data-id]")].map((node) => [node.dataset.id, node]));

function ancestors(id, found = new Set()) {
  if (!nodes.has(id) || found.has(id)) return found;
  found.add(id);
  for (const parent of nodes.get(id).dataset.parents.split(" ").filter(Boolean)) ancestors(parent, found);
  return found;
}

function show(id) {
  const line = id ? ancestors(id) : new Set();
  for (const [name, node] of nodes) node.classList.toggle("line", line.has(name));
  for (const path of tree.querySelectorAll("[data-child]")) path.classList.toggle("line", line.has(path.dataset.child));
  for (const row of document.querySelectorAll("[data-row]")) row.classList.toggle("line", line.has(row.dataset.row));
}

tree.addEventListener("mouseover", (event) => { const node = event.target.closest("[data-id]"); if (node) show(node.dataset.id); });
tree.addEventListener("click", (event) => { const node = event.target.closest("[data-id]"); if (node) show(node.dataset.id); });
document.querySelector("table").addEventListener("mouseover", (event) => { const row = event.target.closest("[data-row]"); if (row) show(row.dataset.row); });
