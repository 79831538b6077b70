"""Every way in which the API says no: status, code and the sentence in both languages."""

from __future__ import annotations

from outpost_manager.errors import Refusal

_REFUSALS: dict[str, tuple[int, str, str]] = {
    "unauthorised": (401, "Sign in first: open the link that the manager printed.", "请先登录：打开管理端输出的链接。"),
    "bad_code": (
        401,
        "This link was used already or is too old; `outpost-fleet link` prints a fresh one.",
        "该链接已被使用或已过期；运行 `outpost-fleet link` 可获取新链接。",
    ),
    "bad_host": (
        403,
        "The manager does not answer to this name; add it to web.hosts if it is right.",
        "管理端不接受该主机名；如确认无误，请将其加入 web.hosts。",
    ),
    "bad_origin": (403, "This request comes from another site's page.", "该请求来自其他网站的页面。"),
    "bad_request": (400, "The request is not understood.", "无法理解该请求。"),
    "bad_hours": (400, "hours is a whole number from 1 to 168.", "hours 应为 1 到 168 之间的整数。"),
    "bad_limit": (400, "limit is a whole number from 1 to 1000.", "limit 应为 1 到 1000 之间的整数。"),
    "bad_commands_limit": (400, "limit is a whole number from 1 to 200.", "limit 应为 1 到 200 之间的整数。"),
    "bad_command": (
        400,
        "There is no such command, or what it is about is missing or wrong.",
        "没有该命令，或命令的对象缺失、有误。",
    ),
    "bad_settings": (
        400,
        "results is none, summary, full or null, which leaves it to the device.",
        "results 应为 none、summary、full 或 null（由设备自行决定）。",
    ),
    "no_device": (404, "There is no such device.", "没有该设备。"),
    "no_task": (404, "There is no such task on this device.", "该设备上没有该任务。"),
    "no_result": (404, "There is no such result.", "没有该结果。"),
    "not_found": (404, "There is nothing here.", "此处没有内容。"),
    "bad_method": (405, "This cannot be done here.", "此处不支持该操作。"),
    "too_large": (413, "The request is too large.", "请求过大。"),
    "too_many_commands": (
        429,
        "Too many commands wait for this device; wait until they are answered or expire.",
        "等待该设备的命令过多；请等待其得到回复或过期。",
    ),
    "no_link": (
        503,
        "The manager has no connection to its broker, so nothing can be sent to devices; nothing was changed.",
        "管理端未连接到代理，无法向设备发送命令；未作任何更改。",
    ),
    "too_many_streams": (503, "Too many live pages are open; close some.", "打开的实时页面过多，请关闭一些。"),
    "no_database": (
        503,
        "The manager's database does not answer; its log says why.",
        "管理端的数据库没有响应；原因见日志。",
    ),
    "failed": (500, "The manager could not do this; its log says why.", "管理端无法完成该操作；原因见日志。"),
}

_BY_STATUS = {400: "bad_request", 404: "not_found", 405: "bad_method", 413: "too_large"}


def refuse(name: str) -> Refusal:
    """Return the refusal of this name, to be raised."""
    status, en, zh = _REFUSALS[name]
    return Refusal(status, name, en, zh)


def refuse_status(status: int) -> Refusal:
    """Return the refusal that fits an HTTP status."""
    return refuse(_BY_STATUS.get(status, "bad_request" if status < 500 else "failed"))
