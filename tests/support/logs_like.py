"""Small logs in the style of ten systems whose logs the miner was not made from, with the kind of every line.

Written from what these systems are known to print; no line of a published data set is in here. `{name}` in a message
is drawn from POOLS or made by MADE; `header` is drawn anew for each line. Weights are rough: few kinds make up most of
a real log.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Style:
    """How one system's lines look: what stands before each message, and the messages with their weights."""

    header: str
    messages: tuple[tuple[int, str], ...]


POOLS: dict[str, tuple[str, ...]] = {
    "user": ("root", "admin", "oracle", "test", "guest", "ubuntu", "pi", "support", "git", "www-data", "alice"),
    "fewusers": ("root", "root", "root", "root", "fztu", "curi", "news"),
    "host": ("mail.example.com", "ns1.dyn.example.net", "static-41-7.isp.example", "gate.example.org", "pc9.lan"),
    "site": ("www.example.com", "cdn.example.net", "api.example.org", "update.example.com", "proxy.example.hk"),
    "package": ("com.android.systemui", "com.tencent.mm", "com.android.phone", "com.example.player", "android"),
    "class": ("PhoneWindow", "StatusBar", "NavigationBar", "Toast", "InputMethod", "Keyguard", "Recents"),
    "bool": ("true", "false"),
    "zlevel": ("INFO ", "WARN ", "ERROR"),
    "alevel": ("V", "D", "I", "W", "E"),
    "core": ("parity error in read queue", "floating point exception", "machine check interrupt"),
    "size": ("12 KB", "3.5 MB", "700 B", "1.13 KB", "64 MB"),
    "life": ("00:01", "<1 sec", "12:31", "01:02:03", "<1 sec"),
    "path": ("/p/gb1/stella/RAPTOR/2183", "/home/yates/run/x", "/usr/lib/a.so", "/bgl/apps/scratch"),
    "winpath": (r"C:\Windows\winsxs\amd64_x_31bf_6.1\cbs.dll", r"C:\Windows\servicing\sqm\*_std.sqm"),
    "month": ("Jan", "Feb", "Nov", "Dec"),
}
MADE: dict[str, Callable[[random.Random], str]] = {
    "n": lambda r: str(r.randrange(1, 90_000)),
    "d": lambda r: str(r.randrange(0, 10)),
    "ip": lambda r: ".".join(str(r.randrange(1, 250)) for _ in range(4)),
    "port": lambda r: str(r.randrange(1024, 65_000)),
    "hex": lambda r: f"0x{r.randrange(1 << 32):08x}",
    "barehex": lambda r: f"{r.randrange(1 << 32):08x}",
    "shorthex": lambda r: f"{r.randrange(1 << 24, 1 << 28):07x}",
    "uuid": lambda r: (
        f"{r.randrange(1 << 32):08x}-{r.randrange(1 << 16):04x}-4{r.randrange(1 << 12):03x}-"
        f"a{r.randrange(1 << 12):03x}-{r.randrange(1 << 48):012x}"
    ),
    "tenant": lambda r: f"{r.randrange(1 << 128):032x}",
    "float": lambda r: f"{r.random() * 30:.6f}",
    "mac": lambda r: ":".join(f"{r.randrange(256):02x}" for _ in range(6)),
    "hms": lambda r: f"{r.randrange(24):02d}:{r.randrange(60):02d}:{r.randrange(60):02d}",
    "epoch": lambda r: str(r.randrange(1_077_000_000, 1_178_000_000)),
    "ms": lambda r: f"{r.randrange(1000):03d}",
    "node": lambda r: f"R{r.randrange(64):02d}-M{r.randrange(2)}-N{r.randrange(16)}-C:J{r.randrange(18):02d}-U11",
    "names": lambda r: " ".join(r.sample(("alpha", "beta", "gamma", "delta", "omega"), r.randrange(1, 5))),
    "list": lambda r: ", ".join(str(r.randrange(99)) for _ in range(r.randrange(1, 6))),
}

LIKE: dict[str, Style] = {
    "sshd": Style(
        "Dec 10 {hms} LabSZ sshd[{n}]: ",
        (
            (20, "Failed password for {user} from {ip} port {port} ssh2"),
            (12, "Failed password for invalid user {user} from {ip} port {port} ssh2"),
            (12, "Invalid user {user} from {ip}"),
            (12, "input_userauth_request: invalid user {user} [preauth]"),
            (18, "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip} "),
            (
                12,
                "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip}  user=root",
            ),
            (20, "pam_unix(sshd:auth): check pass; user unknown"),
            (15, "reverse mapping checking getaddrinfo for {host} [{ip}] failed - POSSIBLE BREAK-IN ATTEMPT!"),
            (20, "Received disconnect from {ip}: 11: Bye Bye [preauth]"),
            (5, "Received disconnect from {ip}: 11: Closed due to user request. [preauth]"),
            (10, "Connection closed by {ip} [preauth]"),
            (5, "Disconnecting: Too many authentication failures for {user} [preauth]"),
            (5, "PAM {d} more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip}  user=root"),
            (4, "Accepted password for {fewusers} from {ip} port {port} ssh2"),
            (4, "pam_unix(sshd:session): session opened for user {fewusers} by (uid=0)"),
            (4, "pam_unix(sshd:session): session closed for user {fewusers}"),
            (3, "Did not receive identification string from {ip}"),
            (2, "fatal: Write failed: Connection reset by peer [preauth]"),
            (2, "error: connect_to {ip} port {port}: failed."),
        ),
    ),
    "openstack": Style(
        "nova-compute.log.1.2017-05-16_13:55:31 2017-05-16 {hms}.{ms} {n} INFO nova.compute.manager [req-{uuid} {tenant} {tenant} - - -] ",
        (
            (25, '{ip} "GET /v2/{tenant}/servers/detail HTTP/1.1" status: 200 len: {n} time: {float}'),
            (4, '{ip} "POST /v2/{tenant}/os-server-external-events HTTP/1.1" status: 200 len: {n} time: {float}'),
            (3, '{ip} "DELETE /v2/{tenant}/servers/{uuid} HTTP/1.1" status: 204 len: {n} time: {float}'),
            (5, "[instance: {uuid}] VM Started (Lifecycle Event)"),
            (5, "[instance: {uuid}] VM Paused (Lifecycle Event)"),
            (5, "[instance: {uuid}] VM Resumed (Lifecycle Event)"),
            (5, "[instance: {uuid}] VM Stopped (Lifecycle Event)"),
            (4, "[instance: {uuid}] Took {float} seconds to build instance."),
            (4, "[instance: {uuid}] Took {float} seconds to spawn the instance on the hypervisor."),
            (4, "[instance: {uuid}] Took {float} seconds to destroy the instance on the hypervisor."),
            (4, "[instance: {uuid}] Attempting claim: memory {n} MB, disk {n} GB, vcpus {d} CPU"),
            (4, "[instance: {uuid}] Total memory: {n} MB, used: {float} MB"),
            (4, "[instance: {uuid}] memory limit: {float} MB, free: {float} MB"),
            (4, "[instance: {uuid}] vcpu limit not specified, defaulting to unlimited"),
            (4, "[instance: {uuid}] Claim successful"),
            (4, "[instance: {uuid}] Terminating instance"),
            (4, "[instance: {uuid}] Instance destroyed successfully."),
            (4, "[instance: {uuid}] Deleting instance files /var/lib/nova/instances/{uuid}_del"),
            (4, "[instance: {uuid}] Deletion of /var/lib/nova/instances/{uuid}_del complete"),
            (10, "image {uuid} at (/var/lib/nova/instances/_base/{tenant}): checking"),
            (
                10,
                "image {uuid} at (/var/lib/nova/instances/_base/{tenant}): in use: on this node {d} local, {d} on other nodes sharing this instance storage",
            ),
            (8, "Active base files: /var/lib/nova/instances/_base/{tenant}"),
            (4, "Creating event network-vif-plugged:{uuid} for instance {uuid}"),
            (3, "HTTP exception thrown: No instances found for any event"),
        ),
    ),
    "proxifier": Style(
        "[10.30 {hms}] chrome.exe - ",
        (
            (20, "{site}:{port} open through proxy {site}:5070 HTTPS"),
            (15, "{site}:443 close, {n} bytes sent, {n} bytes received, lifetime {life}"),
            (15, "{site}:443 close, {n} bytes ({size}) sent, {n} bytes ({size}) received, lifetime {life}"),
            (
                4,
                "{site}:{port} error : Could not connect through proxy {site}:5070 - Proxy cannot establish a connection with the target, status code 403",
            ),
            (2, "open through proxy {site}:5070 HTTPS"),
        ),
    ),
    "health": Style(
        "20171223-{hms}:{ms}|Step_LSC|30002312|",
        (
            (20, "onStandStepChanged {n}"),
            (20, "onExtend:{epoch} {d} {d} {n}"),
            (12, "getTodayTotalDetailSteps = {epoch}##{n}##{n}##{n}##{n}"),
            (12, "setTodayTotalDetailSteps={epoch}##{n}##{n}##{n}##{n}"),
            (12, "calculateCaloriesWithCache totalCalories={n}"),
            (12, "calculateAltitudeWithCache totalAltitude={n}"),
            (8, "REPORT : {n} {n} {n} {n}"),
            (4, "processHandleBroadcastAction action:android.intent.action.SCREEN_ON"),
            (4, "processHandleBroadcastAction action:android.intent.action.SCREEN_OFF"),
            (3, "flush sensor data"),
            (3, "screen status unknown,think screen on"),
            (3, "upLoadOneMinuteDataToEngine time={n},{d},{d},{d}"),
            (2, "insertHiHealthData() bulkSaveDetailHiHealthData fail errorCode = {d},errorMessage = ERR_DATA_INSERT"),
        ),
    ),
    "hpc": Style(
        "{n} node-{n} unix.hw state_change.unavailable {epoch} 1 ",
        (
            (15, r"Component State Change: Component \042alt0\042 is in the unavailable state (HWID={n})"),
            (
                6,
                r"Component State Change: Component \042SCSI-WWID:{barehex}\042 is in the unavailable state (HWID={n})",
            ),
            (10, "boot (command {n})"),
            (5, "halt (command {n})"),
            (10, "Link error on broadcast tree Interconnect-0T00:00:{d}:{d}"),
            (4, "Link ok"),
            (4, "Temperature ({d}{d}) exceeds warning threshold"),
            (3, "ambient={n}"),
            (5, "PSU status ( on on )"),
            (4, "Fan speeds ( {n} {n} {n} {n} {n} {n} )"),
            (4, "ServerFileSystem: An ServerFileSystem domain panic has occurred on storage{n}"),
            (4, "ClusterFileSystem: There is no server for ServerFileSystem domain storage{n}"),
            (3, "Targeting domains:node-D{d} and nodes:node-[{n}-{n}] child of command {n}"),
        ),
    ),
    "bgl": Style(
        "- {epoch} 2005.06.03 {node} 2005-06-03-15.42.50.363779 {node} RAS KERNEL INFO ",
        (
            (15, "instruction cache parity error corrected"),
            (15, "generating core.{n}"),
            (12, "CE sym {d}, at {hex}, mask 0x0{d}"),
            (10, "{n} double-hummer alignment exceptions"),
            (5, "{n} floating point alignment exceptions"),
            (8, "iar {barehex} dear {barehex}"),
            (6, "ciod: failed to read message prefix on control stream (CioStream socket to {ip}:{port}"),
            (5, "ciod: LOGIN chdir({path}) failed: Input/output error"),
            (4, "ciod: Error loading {path}: invalid or missing program image, No such file or directory"),
            (4, "ciod: Message code {d} is not {n} or 4294967295"),
            (4, "total of {d} ddr error(s) detected and corrected"),
            (4, "ddr: excessive soft failures, consider replacing the card"),
            (4, "{d} ddr errors(s) detected and corrected on rank {d}, symbol {n}, bit {d}"),
            (3, "machine check interrupt (bit=0x1d): L2 dcache unit data parity error"),
            (3, "program interrupt: fp cr field .............{d}"),
            (3, "floating pt ex mode {d} enable......{d}"),
            (3, "rts: kernel terminated for reason {n}"),
            (3, "r{d}{d}={hex} r{d}{d}={hex} r{d}{d}={hex} r{d}{d}={hex}"),
        ),
    ),
    "zookeeper": Style(
        "2015-07-29 {hms},{ms} - {zlevel} [QuorumPeer[myid=1]/0:0:0:0:0:0:0:0:2181:FastLeaderElection@774] - ",
        (
            (15, "Received connection request /{ip}:{port}"),
            (10, "Notification time out: {n}"),
            (10, "Send worker leaving thread"),
            (10, "Interrupted while waiting for message on queue"),
            (10, "Interrupting SendWorker"),
            (10, "Connection broken for id {n}, my id = {d}, error = "),
            (8, "Cannot open channel to {d} at election address /{ip}:3888"),
            (8, "Closed socket connection for client /{ip}:{port} (no session established for client)"),
            (8, "Closed socket connection for client /{ip}:{port} which had sessionid {hex}"),
            (8, "Accepted socket connection from /{ip}:{port}"),
            (6, "Client attempting to establish new session at /{ip}:{port}"),
            (6, "Established session {hex} with negotiated timeout {n} for client /{ip}:{port}"),
            (6, "Expiring session {hex}, timeout of {n}ms exceeded"),
            (6, "Processed session termination for sessionid: {hex}"),
            (
                4,
                "Notification: {d} (n.leader), {hex} (n.zxid), {hex} (n.round), LOOKING (n.state), {d} (n.sid), {hex} (n.peerEPoch), LOOKING (my state)",
            ),
            (2, "FOLLOWING"),
            (2, "LOOKING"),
            (2, "Snapshotting: {hex} to {path}"),
        ),
    ),
    "android": Style(
        "03-17 {hms}.{ms}  1702  {port} {alevel} PowerManagerService: ",
        (
            (15, 'acquire lock={n}, flags=0x1, tag="View Lock", name={package}, ws=null, uid={n}, pid={n}'),
            (15, 'release lock={n}, flg=0x0, tag="View Lock", name={package}, ws=null, uid={n}, pid={n}'),
            (8, "ready={bool},policy={d},wakefulness={d},wksummary=0x{d},uasummary=0x{d},bootcompleted={bool}"),
            (
                8,
                "Skipping AppWindowToken{{{shorthex} token=Token{{{shorthex} ActivityRecord{{{shorthex} u0 {package}/.MainActivity t{n}}}}}}} -- going to hide",
            ),
            (
                6,
                "printFreezingDisplayLogsopening app wtoken = AppWindowToken{{{shorthex}}}, allDrawn= {bool}, startingDisplayed =  {bool}",
            ),
            (5, "visible is system.time.showampm"),
            (5, "mVisiblity.getValue is {bool}"),
            (5, "getRunningAppProcesses: caller {n} does not hold REAL_GET_TASKS; limiting output"),
            (5, "userActivityNoUpdateLocked: eventTime={n}, event={d}, flags=0x0, uid={n}"),
            (5, "animateCollapsePanels:flags={d}, force={bool}, delayed={bool}, mExpandedVisible={bool}"),
            (4, "cancelAutohide"),
            (4, "Destroying surface Surface(name={class}) called by com.android.server.wm"),
            (3, "setSystemUiVisibility vis={shorthex} mask={shorthex} oldVal={d} newVal={d} diff={d}"),
            (3, "Killing {n}:{package}/u0a{n} (adj {d}): empty #{n}"),
        ),
    ),
    "thunderbird": Style(
        "- {epoch} 2005.11.09 dn228 Nov 9 {hms} dn228/dn228 crond(pam_unix)[{n}]: ",
        (
            (12, "session opened for user root by (uid=0)"),
            (12, "session closed for user root"),
            (10, "(root) CMD (run-parts /etc/cron.hourly)"),
            (10, "data_thread() got not answer from any [Thunderbird_{class}] datasource"),
            (8, "DHCPDISCOVER from {mac} via eth1"),
            (6, "DHCPDISCOVER from {mac} via eth1: network A_net: no free leases"),
            (6, "synchronized to {ip}, stratum {d}"),
            (6, "connection refused from {ip}"),
            (5, "check pass; user unknown"),
            (5, "ACPI: Processor [CPU{d}] (supports C1, {d} throttling states)"),
            (5, "PCI: Setting latency timer of device {hex} to {n}"),
            (4, "START: tftp pid={n} from={ip}"),
            (4, "EXIT: tftp pid={n} duration={n}(sec)"),
            (4, "mptscsih: ioc0: attempting task abort! (sc={barehex})"),
            (3, "Losing some ticks... checking if CPU frequency changed."),
        ),
    ),
    "windows": Style(
        "2016-09-28 {hms}, Info                  CBS    ",
        (
            (15, r"Loaded Servicing Stack v6.1.7601.{n} with Core: {winpath}"),
            (
                10,
                r"SQM: Failed to start upload with file pattern: {winpath}, flags: 0x{d} [HRESULT = 0x80004005 - E_FAIL]",
            ),
            (10, "SQM: Initializing online with Windows opt-in: False"),
            (10, "SQM: Cleaning up report files older than {d} days."),
            (10, "SQM: Requesting upload of all unsent reports."),
            (12, "Session: {n}_{n} initialized by client WindowsUpdateAgent."),
            (
                10,
                "Read out cached package applicability for package: Package_for_KB{n}~31bf3856ad364e35~amd64~~6.1.{d}.{d}, ApplicableState: {n}, CurrentState:{n}",
            ),
            (8, "Warning: Unrecognized packageExtended attribute."),
            (8, "Expecting attribute name [HRESULT = 0x800f080d - CBS_E_MANIFEST_INVALID_ITEM]"),
            (8, "Failed to get next element [HRESULT = 0x800f080d - CBS_E_MANIFEST_INVALID_ITEM]"),
            (5, "Starting TrustedInstaller initialization."),
            (5, "Ending TrustedInstaller initialization."),
            (5, "Starting TrustedInstaller finalization."),
            (4, "NonStart: Set pending store consistency check."),
        ),
    ),
}

_PLACE = re.compile(r"\{\{|\}\}|\{(\w+)\}")


def lines_like(name: str, count: int = 1000, seed: int = 7) -> list[tuple[str, str]]:
    """Return `count` lines in the style of `name`, each with the kind of its message."""
    style, chance = LIKE[name], random.Random(seed)
    kinds = [message for _, message in style.messages]
    weights = [weight for weight, _ in style.messages]
    drawn = chance.choices(kinds, weights, k=count)
    return [(_filled(style.header, chance) + _filled(kind, chance), kind) for kind in drawn]


def _filled(text: str, chance: random.Random) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0][0]
        return chance.choice(POOLS[name]) if name in POOLS else MADE[name](chance)

    return _PLACE.sub(value, text)
