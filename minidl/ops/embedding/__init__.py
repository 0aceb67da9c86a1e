"""Map integers to vectors: rows of a learned table."""
from minidl.ops.embedding.table import Embedding, embedding, one_hot
from minidl.ops.embedding.bags import embedding_bag
