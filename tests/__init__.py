"""Tests of nativegen; the folders mirror the packages."""
