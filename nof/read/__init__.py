"""From a folder of files to one checked publication."""
