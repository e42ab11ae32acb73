"use strict";
const form = element("trails");
const ask = costOf("/trails/cost", () => Object.fromEntries(new FormData(form)));
form.addEventListener("input", whenItStops(ask, 700));
element("library").addEventListener("change", () => {
  const fields = new URLSearchParams(new FormData(form));
  fields.delete("csrf");
  location.href = "/trails?" + fields;
});
ask();
