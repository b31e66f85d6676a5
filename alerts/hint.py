"""What a person can do about a channel's answer, in the reader's language."""

import re
from collections.abc import Mapping

from alerts.words import Locale

__all__ = ["hint_of"]

_Pair = tuple[str, str]

_SLACK: Mapping[str, _Pair] = {
    "invalid_auth": (
        "Token 无效：在 Slack 应用的 OAuth & Permissions 页重新复制 xoxb- 开头的 Bot Token",
        "The token is not valid: copy the xoxb- bot token again from the app's OAuth & Permissions page",
    ),
    "not_authed": ("没有带上 Token：检查配置里的 token 或环境变量", "No token was sent: check `token` or its variable"),
    "account_inactive": (
        "该 Bot 已被停用：请管理员恢复或重新安装应用",
        "The bot is deactivated: reinstall the app or ask an administrator",
    ),
    "token_revoked": (
        "Token 已被撤销：重新安装应用并换上新 Token",
        "The token was revoked: reinstall the app and use the new token",
    ),
    "token_expired": (
        "Token 已过期：换上新 Token，或关闭应用的 Token 轮换",
        "The token expired: use a new one, or switch token rotation off",
    ),
    "missing_scope": (
        "缺少权限：给应用加上 chat:write（建议再加 channels:history），然后重新安装",
        "A scope is missing: add chat:write (and channels:history), then reinstall the app",
    ),
    "not_in_channel": (
        "Bot 不在频道里：在频道中输入 /invite @应用名",
        "The bot is not a member: /invite it in the channel",
    ),
    "channel_not_found": (
        "找不到频道：填频道 ID（C 开头，不是名称），私有频道先邀请 Bot",
        "No such channel: give its id (C…, not its name); invite the bot to private channels first",
    ),
    "is_archived": ("频道已归档：取消归档，或换一个频道", "The channel is archived: unarchive it or name another"),
    "restricted_action": (
        "工作区限制了发言：请管理员允许该应用在此频道发消息",
        "The workspace restricts posting: ask an administrator to allow the app here",
    ),
    "no_service": (
        "Webhook 已失效：在 Slack 应用里新建一个 Incoming Webhook",
        "The webhook is gone: make a new incoming webhook in the Slack app",
    ),
    "action_prohibited": ("管理员禁止了这个 Webhook：请其放行", "An administrator forbids this webhook: ask for it"),
    "channel_is_archived": ("Webhook 的频道已归档：换一个频道", "The webhook's channel is archived: use another"),
}

_WECOM: Mapping[str, _Pair] = {
    "93000": (
        "Webhook 地址不对，或机器人已被移出群：在群设置里重新复制机器人的 Webhook 地址",
        "The webhook is wrong or the robot was removed from the group: copy its webhook address again",
    ),
    "93004": ("机器人已停用：在群设置里重新启用", "The robot is disabled: enable it in the group's settings"),
    "93008": ("机器人不在群里：重新添加机器人", "The robot is not in the group: add it again"),
    "45009": ("发送太频繁：会自动等待一分钟再发，无需处理", "Too many messages: it goes on by itself after a minute"),
    "40058": ("消息太长：已自动改用简短版本", "Too long: a shorter form is sent by itself"),
    "-1": ("企业微信系统繁忙：会自动重试", "WeCom is busy: it is tried again by itself"),
}

_ANY: Mapping[str, _Pair] = {
    "unreachable": (
        "连不上：检查网络、代理（proxy）和 base_url",
        "Not reachable: check the network, `proxy` and `base_url`",
    ),
    "no_answer": (
        "请求已发出但没有收到回答：先看群里有没有这条消息，再检查网络",
        "Sent, but no answer came: look whether the message is there, then check the network",
    ),
    "429": ("发送太频繁：会按对方要求等待后再发", "Too many messages: it goes on after the time that Slack asks for"),
}
_CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"
_UNTRUSTED: _Pair = (
    "对方的证书不可信：公司代理若会解密 TLS，把它的 CA 证书文件写进 network.ca",
    "The certificate is not trusted: where a company proxy opens TLS, name its CA file in network.ca",
)
_FIXED: _Pair = ("修好后运行 tingfeng notify test {receiver}", "then run: tingfeng notify test {receiver}")


def hint_of(channel: str, answer: str, locale: Locale, *, receiver: str = "") -> str:
    """Return what to do about an answer or its code; empty where nothing helps.

    Args:
        channel: slack or wecom_robot.
        answer: Code or stored answer that holds the code as a word.
        locale: Language.
        receiver: Name for the command that proves the repair; empty = do not name it.
    """
    table = {**_ANY, **(_WECOM if channel == "wecom_robot" else _SLACK)}
    words = re.findall(r"-?[a-z0-9_]+", answer)
    pair = _UNTRUSTED if _CERTIFICATE in answer else next((table[word] for word in words if word in table), None)
    if pair is None:
        return ""
    place = 0 if locale == "zh" else 1
    if not receiver:
        return pair[place]
    return ("；" if locale == "zh" else "; ").join((pair[place], _FIXED[place].format(receiver=receiver)))
