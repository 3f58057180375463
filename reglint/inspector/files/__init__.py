"""Model files, opened without trust: nothing here runs, imports or follows what a file says.

`archive` opens a file and reads its configuration, `hdf5` reads its weights, `preflight` says what
loading it would do. They need numpy and h5py, no Keras. Code of HDF5 filters that a file names is
never loaded (`hdf5.FILTERS`); the process that opens a file sets HDF5_PLUGIN_PATH to nowhere, too.
"""
