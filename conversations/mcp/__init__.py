"""`/mcp`: Docent as tools of other people's assistants, by the Model Context Protocol."""

from conversations.mcp.door import McpDoor

__all__ = ["McpDoor"]
