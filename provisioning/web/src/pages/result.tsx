import { useLayoutEffect } from "preact/hooks";

import { Refused } from "../api";
import { Crumbs } from "../components/crumbs";
import { Empty, Trouble } from "../components/empty";
import { Report } from "../components/report";
import { useConnection, useFollowed, useTitle } from "../hooks";
import { useWords } from "../i18n";
import { deviceAddress, taskAddress } from "../router";

interface ResultPageProps {
  device: string;
  id: string;
  /** What the device is called, where that is known. */
  deviceName: string;
  /** The address of the list of devices, as it was left. */
  back: string;
}

/** One result: its plots, its report, and the way back to its task and its device. */
export function ResultPage({ device, id, deviceName, back }: ResultPageProps) {
  const words = useWords();
  const { api } = useConnection();
  const result = useFollowed(`result ${id}`, () => api.result(id), (value) => value);
  useTitle(result.value?.title ?? words.result, deviceName);
  useLayoutEffect(() => scrollTo(0, 0), []);
  const isMissing = result.error instanceof Refused && result.error.status === 404;
  const task = result.value?.task_id;
  return (
    <div class="page narrow" data-testid="result-page" data-id={id}>
      <Crumbs
        crumbs={[
          { address: back, name: words.devices, testid: "back" },
          { address: deviceAddress(device), name: deviceName, testid: "back-device" },
          ...(task ? [{ address: taskAddress(device, task), name: words.task, testid: "back-task" }] : []),
        ]}
      />
      {result.value && <Report result={result.value} />}
      {isMissing && (
        <div class="card">
          <Empty icon="report" title={words.resultMissing} testid="not-found" />
        </div>
      )}
      {result.error && !result.value && !isMissing ? <Trouble error={result.error} onAgain={result.reload} /> : null}
      {!result.value && !result.error && <div class="card waiting" role="status" aria-label={words.loading} />}
    </div>
  );
}
