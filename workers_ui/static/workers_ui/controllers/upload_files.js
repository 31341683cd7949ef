/* What a person dropped or chose, sorted and packed into requests. No DOM beyond the browser's file entries. */

const MOST_FILES = 100;
const MOST_BYTES = 32 * 1024 * 1024;

/** Files of a drop with their paths, folders walked through. */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return [...transfer.files].map((file) => ({ file, path: file.name }));
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return found;
}

export function chosenFiles(list) {
  return [...list].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

async function walk(entry, folder, found) {
  const path = folder + entry.name;
  if (entry.isFile) {
    found.push({ file: await new Promise((done, failed) => entry.file(done, failed)), path });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // A reader gives some hundred entries at a time, and none at the end.
    const part = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (part.length === 0) return;
    for (const child of part) await walk(child, `${path}/`, found);
  }
}

/** {images, archives, table}: hidden files and folders of operating systems are left out. */
export function sorted(files) {
  const named = files.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX"));
  const ends = (item, ...endings) => endings.some((ending) => item.path.toLowerCase().endsWith(ending));
  return {
    archives: named.filter((item) => ends(item, ".zip")),
    table: named.find((item) => ends(item, ".csv")) ?? null,
    images: named.filter((item) => !ends(item, ".zip", ".csv", "thumbs.db")),
  };
}

/** Requests small enough that a broken one is quickly sent again: [{files} | {archive}]. */
export function packed({ images, archives }) {
  const requests = archives.map((archive) => ({ entries: [archive], archive: true }));
  let current = null;
  let bytes = 0;
  for (const entry of images) {
    if (!current || current.entries.length >= MOST_FILES || bytes + entry.file.size > MOST_BYTES) {
      current = { entries: [], archive: false };
      requests.push(current);
      bytes = 0;
    }
    current.entries.push(entry);
    bytes += entry.file.size;
  }
  return requests;
}
