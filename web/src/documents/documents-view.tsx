// The documents that answers may rest on: what is stored, what is added, and what a question would find in them.
import { useMemo } from 'preact/hooks';
import { listDocuments, uploadFile } from '../api/documents.js';
import { useAddressQuery } from '../shell/hash-address.js';
import { useAsked } from '../ui/asked.js';
import { Fault } from '../ui/fault.js';
import { AddText } from './add-text.js';
import { DocumentList } from './document-list.js';
import { DOCUMENTS_A_PAGE, parseDocumentsQuery } from './documents-query.js';
import { DropZone } from './drop-zone.js';
import { TryQuestion } from './try-question.js';
import { UploadList } from './upload-list.js';
import { Uploads } from './uploads.js';
import './documents.css';

/** Of the whole page: they go on while other views are looked at. */
let onAdded = (): void => {};
const uploads = new Uploads<File>(uploadFile, () => onAdded());

export function DocumentsView() {
  const address = useAddressQuery();
  const query = useMemo(() => parseDocumentsQuery(address), [address]);
  const { page } = query;
  const listed = useAsked(`${page}`, signal =>
    listDocuments({ limit: DOCUMENTS_A_PAGE, offset: (page - 1) * DOCUMENTS_A_PAGE }, signal),
  );
  onAdded = listed.again;
  return (
    <section class="view documents">
      <h1>Documents</h1>
      <p class="quiet-text">
        What is stored here stays on this machine. An answer rests on it when that is asked for: in the chat
        by “Answer from the stored documents”, in programs by <code>documents</code>.
      </p>
      <DropZone onFiles={files => uploads.add(files)}>
        <UploadList uploads={uploads} />
        <AddText onAdded={listed.again} />
      </DropZone>
      <TryQuestion query={query} />
      <section class="card" aria-labelledby="stored" aria-busy={listed.isAsking}>
        <h2 id="stored">Stored</h2>
        {listed.error !== null && <Fault error={listed.error} onAgain={listed.again} />}
        {listed.value === null && listed.isAsking && <p class="loading">Looking…</p>}
        {listed.value !== null && (
          <DocumentList documents={listed.value} query={query} onErased={listed.again} />
        )}
      </section>
    </section>
  );
}
