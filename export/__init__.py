"""From the `.h5` to TFLite and ONNX: conversion, calibration, and proof that they are equal."""
