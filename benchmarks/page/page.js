"use strict";

// A click on a column's name sorts by it, the next one the other way; what was not measured stays last.
for (const button of document.querySelectorAll(".figures thead button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const body = head.closest("table").tBodies[0];
    const way = head.ariaSort === "ascending" ? -1 : 1;
    const value = (row) => JSON.parse(row.cells[head.cellIndex].dataset.value);
    const compare = (a, b) => {
      const [one, other] = [value(a), value(b)];
      if (one === null || other === null) return (one === null) - (other === null);
      return way * (typeof one === "string" ? one.localeCompare(other) : one - other);
    };
    for (const other of head.parentNode.cells) other.ariaSort = null;
    head.ariaSort = way > 0 ? "ascending" : "descending";
    body.append(...[...body.rows].sort(compare));
  });
}
