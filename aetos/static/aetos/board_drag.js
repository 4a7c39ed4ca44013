// Dragging a card with a mouse or pen at once, with a finger after a long press: before that a finger scrolls.
"use strict";
(() => {
  const FAR = 6;
  const LONG = 350;
  const EDGE = 60;

  const begin = () => {
    const { board, mayAct, pick, putBack, drop } = window.aetosBoard;
    if (!mayAct) return;
    let held = null;
    let moved = false;

    const under = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-state], [data-tab]");
    const stateOf = (target) => target?.dataset.state || target?.dataset.tab;

    const lift = () => {
      const { card, x, y } = held;
      const box = card.getBoundingClientRect();
      const ghost = card.cloneNode(true);
      ghost.removeAttribute("data-listing");
      ghost.classList.add("bo-ghost");
      ghost.setAttribute("aria-hidden", "true");
      ghost.style.width = `${box.width}px`;
      board.append(ghost);
      Object.assign(held, { ghost, dx: x - box.left, dy: y - box.top });
      pick(card);
      document.body.classList.add("bo-dragging");
      follow(x, y);
    };

    const follow = (x, y) => {
      held.ghost.style.transform = `translate(${x - held.dx}px, ${y - held.dy}px) rotate(-2deg)`;
      const columns = board.querySelector(".bo-columns");
      const box = columns.getBoundingClientRect();
      if (x > box.right - EDGE) columns.scrollLeft += 14;
      if (x < box.left + EDGE) columns.scrollLeft -= 14;
    };

    const letGo = () => {
      if (!held) return;
      clearTimeout(held.timer);
      held.ghost?.remove();
      document.body.classList.remove("bo-dragging");
      board.querySelectorAll(".bo-over").forEach((each) => each.classList.remove("bo-over"));
      held = null;
    };

    board.addEventListener("pointerdown", (event) => {
      const card = event.target.closest(".bo-card");
      if (!card || event.button !== 0 || event.target.closest("[data-move]") || held) return;
      moved = false;
      held = { card, x: event.clientX, y: event.clientY, id: event.pointerId, touch: event.pointerType === "touch" };
      if (held.touch) held.timer = setTimeout(() => { if (held && !held.ghost) { moved = true; lift(); navigator.vibrate?.(10); } }, LONG);
    });
    document.addEventListener("pointermove", (event) => {
      if (!held || event.pointerId !== held.id) return;
      const far = Math.hypot(event.clientX - held.x, event.clientY - held.y) > FAR;
      if (!held.ghost && far && held.touch) { letGo(); return; }
      if (!held.ghost && far) { moved = true; lift(); }
      if (!held?.ghost) return;
      follow(event.clientX, event.clientY);
      const target = under(event);
      board.querySelectorAll(".bo-over").forEach((each) => each !== target && each.classList.remove("bo-over"));
      target?.classList.add("bo-over");
    });
    document.addEventListener("pointerup", (event) => {
      if (!held || event.pointerId !== held.id) return;
      const { card, ghost } = held;
      const to = stateOf(under(event));
      letGo();
      if (!ghost) return;
      if (to) drop(card, to); else putBack();
    });
    document.addEventListener("pointercancel", () => { if (held?.ghost) putBack(); letGo(); });
    // While a finger drags, the page must not scroll; a drop on a card's title must not open it.
    document.addEventListener("touchmove", (event) => { if (held?.ghost) event.preventDefault(); }, { passive: false });
    board.addEventListener("contextmenu", (event) => { if (held?.ghost) event.preventDefault(); });
    board.addEventListener("dragstart", (event) => event.preventDefault());
    board.addEventListener("click", (event) => { if (moved) { event.preventDefault(); event.stopPropagation(); moved = false; } }, true);
    window.aetosBoard.letGo = letGo;
  };

  window.aetosBoard = { ...window.aetosBoard, start: [...(window.aetosBoard?.start || []), begin] };
})();
