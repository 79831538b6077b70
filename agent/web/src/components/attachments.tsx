import { words, writeBytes } from "../i18n";
import type { Attachment } from "../model";
import { DownloadIcon, FileIcon } from "./icons";
import type { Picture } from "./lightbox";

interface AttachmentsProps {
  attachments: readonly Attachment[];
  onPicture: (picture: Picture) => void;
}

/** Pictures in full width, then every other file as a card. */
export function Attachments({ attachments, onPicture }: AttachmentsProps) {
  const pictures = attachments.filter(isPicture);
  const files = attachments.filter((attachment) => !isPicture(attachment));
  return (
    <>
      {pictures.length > 0 && (
        <div class="pictures">
          {pictures.map((picture) => (
            <button key={picture.url} type="button" class="picture" aria-label={words.enlarge(picture.name)}
              data-testid="picture" onClick={() => onPicture({ src: picture.url, alt: picture.name })}>
              <img src={picture.url} alt={picture.name} decoding="async" />
            </button>
          ))}
        </div>
      )}
      {files.length > 0 && <div class="files">{files.map((file) => <FileCard key={file.url} file={file} />)}</div>}
    </>
  );
}

function FileCard({ file }: { file: Attachment }) {
  return (
    <a class="file" href={file.url} download={file.name} aria-label={words.download(file.name)} data-testid="file">
      <FileIcon />
      <FileName name={file.name} size={file.size} />
      <DownloadIcon />
    </a>
  );
}

/** A file's name, shortened in its middle so that the ending stays readable, and its size. */
export function FileName({ name, size }: { name: string; size: number }) {
  const cut = Math.max(0, name.length - 8);
  return (
    <span class="file-text">
      <span class="file-name" title={name}>
        <span class="file-stem">{name.slice(0, cut)}</span>
        <span>{name.slice(cut)}</span>
      </span>
      <span class="file-size">{writeBytes(size)}</span>
    </span>
  );
}

/** The types that the device serves to be shown; every other one is a download. */
const PICTURES: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/webp", "image/gif"]);

function isPicture(attachment: Attachment): boolean {
  return PICTURES.has(attachment.type);
}
