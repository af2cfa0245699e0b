"""The widget: a chat that other web sites show, for visitors who have no account here. See docs/widget.md."""
