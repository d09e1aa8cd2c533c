"""What runs on the workstation: data sets, networks, fitting, plots. Needs Keras and TensorFlow."""
