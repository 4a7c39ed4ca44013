// Keys on a list: J and K move, X selects, Enter opens, / searches; never while something is being typed.
"use strict";
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), textarea, select")) return;
  if (event.key === "/") {
    const search = document.querySelector("input[name=q]");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
    return;
  }
  const rows = [...document.querySelectorAll("#result_list tbody tr")];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  if (event.key === "j" || event.key === "k") {
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + (event.key === "j" ? 1 : -1)))];
    next?.querySelector("a[href]")?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }
  if (event.key === "x" && at >= 0) rows[at].querySelector("input[type=checkbox]")?.click();
});
