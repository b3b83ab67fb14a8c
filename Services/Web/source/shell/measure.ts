/** What a page wants to know of a picture, a video or sound before it is loaded. */
export interface Measures {
  width?: number;
  height?: number;
  durationMilliseconds?: number;
}

const patienceMilliseconds = 3_000;

/** Sides and length of a file, as far as this browser can tell them soon. */
export async function measure(file: File): Promise<Measures> {
  const kind = file.type.split("/")[0];
  if (kind === "image") return withAddress(file, measureImage);
  if (kind === "video" || kind === "audio") return withAddress(file, (address) => measureMedia(kind, address));
  return {};
}

/** What cannot be read, or takes too long, has no measures. */
async function withAddress(file: File, read: (address: string) => Promise<Measures>): Promise<Measures> {
  const address = URL.createObjectURL(file);
  const tooLate = new Promise<Measures>((resolve) => { setTimeout(() => resolve({}), patienceMilliseconds); });
  try {
    return await Promise.race([read(address), tooLate]);
  } catch {
    return {};
  } finally {
    URL.revokeObjectURL(address);
  }
}

async function measureImage(address: string): Promise<Measures> {
  const image = new Image();
  image.src = address;
  await image.decode();
  return sides(image.naturalWidth, image.naturalHeight);
}

function measureMedia(kind: "video" | "audio", address: string): Promise<Measures> {
  return new Promise((resolve, reject) => {
    const element = document.createElement(kind);
    element.preload = "metadata";
    element.onerror = () => reject(new Error("This browser cannot read the file."));
    element.onloadedmetadata = () => {
      const duration = Number.isFinite(element.duration) ? { durationMilliseconds: Math.round(element.duration * 1000) } : {};
      resolve(element instanceof HTMLVideoElement ? { ...sides(element.videoWidth, element.videoHeight), ...duration } : duration);
    };
    element.src = address;
  });
}

function sides(width: number, height: number): Measures {
  return width > 0 && height > 0 ? { width, height } : {};
}
