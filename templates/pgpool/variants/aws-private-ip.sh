# shellcheck shell=sh disable=SC2154
# A secondary private address: clients inside the VPC, all pgpools in one subnet.
address=@@address@@
device=@@device@@
mac=$(own mac)
interface=$(own "network/interfaces/macs/$mac/interface-id")
if [ "$verb" = escalation ]; then
  aws_run ec2 assign-private-ip-addresses --network-interface-id "$interface" --private-ip-addresses "$address" --allow-reassignment ||
    die "the address $address was not moved here"
  add_address "$address" "$device" || die "the address $address was not added to $device"
else
  drop_address "$address" "$device" || die "the address $address was not taken from $device"
  # Reassignment by the new leader takes it away as well, and then there is nothing to give back.
  aws_run ec2 unassign-private-ip-addresses --network-interface-id "$interface" --private-ip-addresses "$address" ||
    say "the address $address is not ours any more"
fi
if [ -z "$dry" ]; then say 'done'; fi
