/** The picture of the sign-in page: birds on a wire below the roofs, at dusk. */
export function Perch() {
  return (
    <svg className="perch" viewBox="0 0 480 640" preserveAspectRatio="xMidYMax slice" focusable="false">
      <circle className="perch-sun" cx="330" cy="210" r="74" />
      <path className="perch-hill-far" d="M0 470c80-60 170-70 250-34s160 30 230-20v224H0Z" />
      <path className="perch-hill" d="M0 540c90-50 180-46 270-14s150 26 210-10v124H0Z" />
      <g className="perch-house">
        <path d="M58 560V462l74-58 74 58v98Z" />
        <path className="perch-roof" d="M42 474 132 402l90 72" />
        <path className="perch-window" d="M112 560v-46a20 20 0 0 1 40 0v46Z" />
        <circle className="perch-window" cx="132" cy="462" r="13" />
      </g>
      <path className="perch-wire" d="M-10 300C120 346 330 350 490 290" />
      <Bird x={92} y={291} scale={1} tint="a" />
      <Bird x={206} y={302} scale={1.150} tint="b" />
      <Bird x={282} y={305} scale={0.900} tint="c" isTurned />
      <Bird x={398} y={286} scale={1.050} tint="a" isTurned />
    </svg>
  );
}

interface BirdProps {
  x: number;
  y: number;
  scale: number;
  tint: "a" | "b" | "c";
  isTurned?: boolean;
}

/** A bird of the mark whose feet are at a point. */
function Bird({ x, y, scale, tint, isTurned = false }: BirdProps) {
  return (
    <g transform={`translate(${x} ${y}) scale(${isTurned ? -scale : scale} ${scale})`}>
      <path
        className={`perch-bird-${tint}`}
        d="M-21 8c0-12 9-21 21-21 11 0 18 7 20 16l9 4-9 4C18 23 10 31-1 31h-26c-2 0-3-2-1-3 5-6 7-12 7-20Z"
      />
      <circle className="perch-eye" cx="7" cy="3" r="2.800" />
    </g>
  );
}
