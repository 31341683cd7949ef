/* What is selected: one object, and one of its points where its tool has points. Event: "select" {id}. */

export class Selection extends EventTarget {
  constructor(store) {
    super();
    this.store = store;
    this.id = null;
    this.pointId = null;
    // The object drawn last, until anything is selected: a drag inside it draws the next one.
    this.drawnId = null;
  }

  /** The selected object, or null. */
  get object() {
    return this.store.find(this.id);
  }

  get number() {
    return this.store.numberOf(this.id);
  }

  select(id, { drawn = false } = {}) {
    this.drawnId = drawn ? id : null;
    if (id === this.id && this.pointId === null) return;
    this.id = id;
    this.selectPoint(null);
  }

  selectPoint(pointId) {
    this.pointId = pointId;
    this.drawnId = pointId === null ? this.drawnId : null;
    this.dispatchEvent(new CustomEvent("select", { detail: { id: this.id } }));
  }
}
