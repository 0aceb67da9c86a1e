"""`minidl.hub`'s download under the name that older programs have for it."""
from minidl.hub import load_state_dict_from_url as load_url

__all__ = ["load_url"]
