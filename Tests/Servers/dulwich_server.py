"""dulwich's own Git LFS server: python3 dulwich_server.py FOLDER. Prints its port."""
import os
import sys

from dulwich.lfs import LFSStore
from dulwich.lfs_server import LFSServer
from lifetime import end_with

os.makedirs(sys.argv[1], exist_ok=True)
end_with(os.path.abspath(sys.argv[1]))
server = LFSServer(("127.0.0.1", 0), LFSStore.create(sys.argv[1]))
print(server.server_address[1], flush=True)
server.serve_forever()
