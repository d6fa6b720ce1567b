"""fastpath.py CONNINFO BIND-SQL OID: call a function without arguments by a
function call message of the protocol, which neither psql nor most drivers can.
Prints the SQLSTATE, or what came back."""
import ctypes
import ctypes.util
import sys

libpq = ctypes.CDLL(ctypes.util.find_library("pq") or "libpq.so.5")
for name in ("PQconnectdb", "PQexec", "PQfn"):
    getattr(libpq, name).restype = ctypes.c_void_p
libpq.PQresultErrorField.restype = ctypes.c_char_p
libpq.PQerrorMessage.restype = ctypes.c_char_p


def state(result):
    field = libpq.PQresultErrorField(ctypes.c_void_p(result), ord("C"))
    return field.decode() if field else None


conn = ctypes.c_void_p(libpq.PQconnectdb(sys.argv[1].encode()))
if libpq.PQstatus(conn) != 0:
    sys.exit(libpq.PQerrorMessage(conn).decode())
libpq.PQexec(conn, sys.argv[2].encode())
buffer = ctypes.create_string_buffer(1024)
length = ctypes.c_int(0)
result = libpq.PQfn(conn, int(sys.argv[3]), buffer, ctypes.byref(length), 0, None, 0)
print(state(result) or buffer.raw[:length.value].decode())
