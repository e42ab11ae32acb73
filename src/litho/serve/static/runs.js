"use strict";
// Two runs are compared: the page takes them as `run` and `other`.
const list = element("runs");
if (list) {
  const chosen = () => [...list.querySelectorAll("input[name=pick]:checked")];
  const update = () => {
    const count = chosen().length;
    element("compare").disabled = count !== 2;
    for (const box of list.querySelectorAll("input[name=pick]")) box.disabled = count === 2 && !box.checked;
  };
  list.addEventListener("change", update);
  update();
  list.addEventListener("submit", (event) => {
    event.preventDefault();
    const [run, other] = chosen().map((box) => box.value);
    location.href = "/compare?" + new URLSearchParams({ run, other });
  });
}
