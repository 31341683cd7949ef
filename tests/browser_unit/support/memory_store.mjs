/* The part of an IndexedDB store that the outbox uses, in memory. Rows are copied in and out, as IndexedDB does. */

export class MemoryStore {
  constructor() {
    this.rows = new Map();
    this.nextNumber = 1;
  }

  async add(_store, row) {
    if ([...this.rows.values()].some(({ key }) => key === row.key)) throw new Error("ConstraintError");
    const number = this.nextNumber;
    this.nextNumber += 1;
    this.rows.set(number, structuredClone({ ...row, number }));
    return number;
  }

  async getAll() {
    return [...this.rows.values()].sort((a, b) => a.number - b.number).map((row) => structuredClone(row));
  }

  async getFromIndex(_store, _index, key) {
    return structuredClone([...this.rows.values()].find((row) => row.key === key));
  }

  async put(_store, row) {
    this.rows.set(row.number, structuredClone(row));
  }

  async delete(_store, number) {
    this.rows.delete(number);
  }

  transaction() {
    const store = {
      getAll: () => this.getAll(),
      get: async (number) => structuredClone(this.rows.get(number)),
      put: (row) => this.put("entries", row),
    };
    return { store, done: Promise.resolve() };
  }
}
