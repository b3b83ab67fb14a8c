import type { Tile } from "./tiles";

/** How pictures are laid out: all alike, or whoever speaks large. */
export type CallView = "grid" | "speaker";

/** What is large, and what is small beside it. Nothing is large in a grid without screens. */
export interface Stage {
  large: Tile[];
  small: Tile[];
}

/**
 * What the person pinned is large; else the screens that are shared; else, in the view for that, who speaks. Whoever was
 * large before stays so while nobody else speaks.
 */
export function stageOf(tiles: readonly Tile[], view: CallView, pinned: string | undefined, dominant: string | undefined): Stage {
  const isLarge = chosen(tiles, view, pinned, dominant);
  return { large: tiles.filter(isLarge), small: tiles.filter((tile) => !isLarge(tile)) };
}

function chosen(
  tiles: readonly Tile[], view: CallView, pinned: string | undefined, dominant: string | undefined,
): (tile: Tile) => boolean {
  if (tiles.some(({ key }) => key === pinned)) return ({ key }) => key === pinned;
  if (tiles.some(({ source }) => source === "screen")) return ({ source }) => source === "screen";
  if (view === "grid" || tiles.length < 2) return () => false;
  const speaker = tiles.find(({ key }) => key === dominant) ?? tiles.find(({ isOwn }) => !isOwn);
  return ({ key }) => key === speaker?.key;
}

/** The tile of the loudest of the others; who was it before while none of them speaks. Oneself is never looked at large. */
export function dominantOf(tiles: readonly Tile[], speakers: readonly string[], before: string | undefined): string | undefined {
  for (const speaker of speakers) {
    const tile = tiles.find(({ participantID, source, isOwn }) => participantID === speaker && source === "camera" && !isOwn);
    if (tile) return tile.key;
  }
  return before;
}
