import { useEffect, useState } from "preact/hooks";

/** So many modules stay free around a QR code (ISO/IEC 18004, 6.3.8). */
const QUIET_ZONE = 4;

/** `text` as a QR code; dark on light in every theme, as readers want it. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const [drawing, setDrawing] = useState<{ path: string; size: number } | null>(null);
  useEffect(() => {
    let isGone = false;
    // Fetched only here: most visits never draw one.
    void import("qrcode-generator").then(({ default: qrcode }) => {
      const code = qrcode(0, "M");
      code.addData(text);
      code.make();
      const size = code.getModuleCount();
      if (!isGone) setDrawing({ path: pathOf(size, (row, column) => code.isDark(row, column)), size });
    });
    return () => {
      isGone = true;
    };
  }, [text]);
  const size = drawing ? drawing.size + 2 * QUIET_ZONE : 1;
  return (
    <svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shape-rendering="crispEdges"
      data-testid="qr">
      {drawing && <path d={drawing.path} transform={`translate(${QUIET_ZONE} ${QUIET_ZONE})`} />}
    </svg>
  );
}

/** One rectangle for each run of dark modules in a row. */
function pathOf(size: number, isDark: (row: number, column: number) => boolean): string {
  let path = "";
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const from = column;
      while (column < size && isDark(row, column)) column += 1;
      if (column > from) path += `M${from} ${row}h${column - from}v1h-${column - from}z`;
    }
  }
  return path;
}
