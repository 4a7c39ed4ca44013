// The eBay panel: counts the title while it is typed, and looks again while eBayLister is asked. Without it, both wait
// for the next page.
(() => {
  "use strict";

  const AGAIN = 4000;
  const panel = () => document.getElementById("ebay");
  const note = panel()?.querySelector("[data-count-of]");
  const title = note && document.getElementById(note.dataset.countOf);

  // Characters as eBay counts them, where JavaScript's length counts an emoji twice.
  function count() {
    const [length, most] = [[...title.value.trim()].length, Number(note.dataset.most)];
    note.textContent = `${length} of ${most} characters${length > most ? `: ${length - most} too many` : ""}`;
    note.classList.toggle("ae-over", length > most);
  }

  // Whoever is filling in a form, or has turned away, is left alone.
  const busy = () => document.hidden || panel().querySelector("details[open]") || document.activeElement?.matches("input, select, textarea");

  async function look() {
    if (!busy()) {
      try {
        const answer = await fetch(location.href);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("ebay");
        if (answer.ok && fresh?.textContent !== panel().textContent) {
          if (fresh?.dataset.state !== panel().dataset.state) return location.reload();
          panel().replaceWith(document.adoptNode(fresh));
        }
      } catch {
        // The connection is gone for now: the page stays as it is, and says since when it waits.
      }
    }
    setTimeout(look, AGAIN);
  }

  title?.addEventListener("input", count);
  if (title) count();
  if (panel()?.dataset.state.endsWith("-waits")) setTimeout(look, AGAIN);
})();
