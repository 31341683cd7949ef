from tests.own_storage import storage_folder

__all__ = ["storage_folder"]
