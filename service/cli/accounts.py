"""accounts: own accounts and those of rivals, and the figures of their platforms' exports."""

from pathlib import Path
from typing import Annotated

import typer

from service import wiring
from service.cli.app import ConfigOption, JsonOption, app, say, say_json
from service.clock import running_clock

accounts = typer.Typer(help="Own accounts, rivals and the watch list.", invoke_without_command=True)
app.add_typer(accounts, name="accounts")


@accounts.callback()
def list_accounts(context: typer.Context, config: ConfigOption = None, json_lines: JsonOption = False) -> None:
    """Show per account its last post, today's comments, who waits for an answer, followers and views."""
    from service.accounts import account_texts, account_view, account_views

    if context.invoked_subcommand is not None:
        return
    with wiring.opened(config) as (settings, stores):
        for view in account_views(settings, stores, running_clock(settings.data_dir).now()):
            if json_lines:
                say_json(account_view(view))
                continue
            for line in account_texts(view, settings.locale):
                say(line)
        if not settings.accounts and not json_lines:
            example = "accounts: [{platform: weibo, id: 7900010001, name: 云杉咖啡, brand: yunshan}]"
            english = settings.locale == "en"
            say(f"no accounts yet; write such as {example}" if english else f"还没有配置账号；例如 {example}")


@accounts.command(name="import")
def import_figures(
    file: Annotated[Path, typer.Argument(help="CSV with 日期 and 粉丝数, 阅读数, 播放量, 点赞, 评论, 转发 or 互动.")],
    platform: Annotated[str, typer.Option("--platform", help="Platform of the account, such as weibo.")],
    account: Annotated[str, typer.Option("--account", help="Its id or name, as in the settings.")],
    config: ConfigOption = None,
) -> None:
    """Store the figures that a platform's own back office exports, one row a day; again is harmless."""
    from service.accounts import import_figures as take

    settings = wiring.load_settings(wiring.find_config(config))
    raise typer.Exit(take(settings, file, platform=platform, account=account, say=say))
